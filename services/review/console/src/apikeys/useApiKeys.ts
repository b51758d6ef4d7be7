import { useQuery } from "@tanstack/react-query";

import { answerOf, api } from "../api/client";
import type { ApiKeyRequest, User } from "../api/schema";
import { useStep } from "../ui/useStep";

const KEYS = ["api-keys"];
const PAGE = 200;

export function useApiKeys() {
  return useQuery({
    queryKey: KEYS,
    queryFn: () => answerOf(api.GET("/api/review/v1/api-keys")),
    select: ({ items }) => items,
  });
}

/** Everybody whom a key can act as or acts as, by name; those who have left, too. */
export function useOwners() {
  return useQuery({ queryKey: ["users", "all"], queryFn: everybody });
}

async function everybody(): Promise<readonly User[]> {
  const found: User[] = [];
  let cursor: string | null = null;
  do {
    const query: { limit: number; cursor: string | null } = { limit: PAGE, cursor };
    const page = await answerOf(api.GET("/api/review/v1/users", { params: { query } }));
    found.push(...page.items);
    cursor = page.next_cursor;
  } while (cursor !== null);
  return found;
}

/** The answer holds the secret, so nothing keeps it once it is not shown any more. */
export function useMakeKey() {
  return useStep(
    KEYS,
    (body: ApiKeyRequest, key) =>
      answerOf(api.POST("/api/review/v1/api-keys", { params: { header: { "Idempotency-Key": key } }, body })),
    { gcTime: 0 },
  );
}

export function useRevokeKey() {
  return useStep(KEYS, (keyId: string, key) =>
    answerOf(
      api.POST("/api/review/v1/api-keys/{key_id}/revoke", {
        params: { path: { key_id: keyId }, header: { "Idempotency-Key": key } },
      }),
    ),
  );
}

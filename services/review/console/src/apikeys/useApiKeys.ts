import { useQuery } from "@tanstack/react-query";

import { answerOf, api } from "../api/client";
import type { ApiKeyRequest } from "../api/schema";
import { useStep } from "../ui/useStep";

const KEYS = ["api-keys"];

export function useApiKeys() {
  return useQuery({
    queryKey: KEYS,
    queryFn: () => answerOf(api.GET("/api/review/v1/api-keys")),
    select: ({ items }) => items,
  });
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

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";

import { answerOf, api } from "../api/client";
import { NoAnswer } from "../api/problem";
import { pollMs } from "../live/liveness";
import { useOnce } from "../ui/useOnce";
import { useStepKey } from "../ui/useStepKey";

/** Which case is talked about. */
export interface About {
  readonly tenant: string;
  readonly caseId: string;
}

const pathOf = ({ tenant, caseId }: About) => ({ tenant, case_id: caseId });
const keyOf = ({ tenant, caseId }: About, what: string) => ["case", tenant, caseId, what];

export function useComments(about: About) {
  return useQuery({
    queryKey: keyOf(about, "comments"),
    queryFn: () =>
      answerOf(api.GET("/api/review/v1/cases/{tenant}/{case_id}/comments", { params: { path: pathOf(about) } })),
    select: ({ items }) => items,
    refetchInterval: pollMs,
  });
}

export function useTags(about: About) {
  return useQuery({
    queryKey: keyOf(about, "tags"),
    queryFn: () =>
      answerOf(api.GET("/api/review/v1/cases/{tenant}/{case_id}/tags", { params: { path: pathOf(about) } })),
    select: ({ tags }) => tags,
    refetchInterval: pollMs,
  });
}

function useWrite<Wish>(
  about: About,
  what: string,
  write: (wish: Wish, key: string) => Promise<unknown>,
  onWritten?: (wish: Wish) => void,
) {
  const queries = useQueryClient();
  const key = useStepKey();
  return useMutation({
    // One after the other: each is a wish of its own, under a key of its own.
    scope: { id: keyOf(about, what).join(" ") },
    mutationFn: (wish: Wish) => write(wish, key.of(wish)),
    // Also where the page has been left meanwhile.
    onSuccess: (_, wish) => onWritten?.(wish),
    onSettled: (_, error) => {
      if (!(error instanceof NoAnswer)) key.answered();
      return queries.invalidateQueries({ queryKey: keyOf(about, what) });
    },
  });
}

export function useComment(about: About, onWritten: (comment: string) => void) {
  const write = useWrite(
    about,
    "comments",
    (comment: string, key) =>
      answerOf(
        api.POST("/api/review/v1/cases/{tenant}/{case_id}/comments", {
          params: { path: pathOf(about), header: { "Idempotency-Key": key } },
          body: { comment },
        }),
      ),
    onWritten,
  );
  return useOnce(write);
}

export function useChangeTags(about: About) {
  return useWrite(about, "tags", (change: { readonly add?: string[]; readonly remove?: string[] }, key) =>
    answerOf(
      api.POST("/api/review/v1/cases/{tenant}/{case_id}/tags", {
        params: { path: pathOf(about), header: { "Idempotency-Key": key } },
        body: change,
      }),
    ),
  );
}

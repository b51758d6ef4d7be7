import { useQueries } from "@tanstack/react-query";

import { answerOf, api } from "../api/client";
import type { AsideReview } from "../api/schema";
import { pollMs } from "../live/liveness";
import { useStep } from "../ui/useStep";

export const OUTSIDE = ["unassignable", "blocked", "asked", "assigned"] as const;
export type Which = (typeof OUTSIDE)[number];

// Under "cases", so that a change of any case has them read again.
const KEY = ["cases", "outside"];

/** Reviews that no queue offers, by why. */
export function useOutside(): Readonly<Partial<Record<Which, readonly AsideReview[]>>> {
  return useQueries({
    queries: OUTSIDE.map((which) => ({
      queryKey: [...KEY, which],
      meta: { names: "cases outside the queues" },
      queryFn: () => answerOf(api.GET("/api/review/v1/reviews", { params: { query: { which } } })),
      refetchInterval: pollMs,
    })),
    combine: (answers) => Object.fromEntries(OUTSIDE.map((which, index) => [which, answers[index]?.data?.items])),
  });
}

interface Wish {
  readonly which: Which;
  readonly reviewId: string;
}

/** Lets what is on hold go on, and calls back what is kept or waits for an answer: it waits in its queue again. */
export function useLetGo() {
  return useStep(KEY, async ({ which, reviewId }: Wish, key) => {
    const params = { path: { review_id: reviewId }, header: { "Idempotency-Key": key } };
    if (which === "blocked") await answerOf(api.POST("/api/review/v1/reviews/{review_id}/unblock", { params }));
    else await answerOf(api.POST("/api/review/v1/reviews/{review_id}/recall", { params }));
  });
}

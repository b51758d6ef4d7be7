import { type QueryKey, useMutation, useQueryClient } from "@tanstack/react-query";

import { NoAnswer } from "../api/problem";
import { useOnce } from "./useOnce";
import { useStepKey } from "./useStepKey";

interface StepOptions {
  /** How long an answer is kept once nobody shows it; an answer with a secret is kept no longer than that. */
  readonly gcTime?: number;
}

/** A write that is sent once, under one key until it is answered; afterwards everything `stale` is read anew. */
export function useStep<Wish, Answer>(
  stale: QueryKey,
  send: (wish: Wish, key: string) => Promise<Answer>,
  options: StepOptions = {},
) {
  const queries = useQueryClient();
  const key = useStepKey();
  const step = useMutation({
    ...options,
    mutationFn: (wish: Wish) => send(wish, key.of(wish)),
    onSettled: (_, error) => {
      if (!(error instanceof NoAnswer)) key.answered();
      return queries.invalidateQueries({ queryKey: stale });
    },
  });
  return useOnce(step);
}

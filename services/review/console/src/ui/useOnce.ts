import type { UseMutationResult } from "@tanstack/react-query";
import { useRef } from "react";

/** Sends once what is pressed twice: a button learns only after its second press that the first is on its way. */
export function useOnce<Answer, Wish>(step: UseMutationResult<Answer, Error, Wish>) {
  const running = useRef(false);
  const mutate: typeof step.mutate = (...wish) => {
    if (running.current) return;
    running.current = true;
    // What went wrong is in the step's own error.
    const done = step.mutateAsync(...wish).catch(() => undefined);
    void done.finally(() => {
      running.current = false;
    });
  };
  return { ...step, mutate };
}

import { useRef } from "react";

interface Step {
  readonly wish: string;
  readonly key: string;
}

/**
 * One idempotency key for one wish. The same wish sent again after silence has the same key, so that the
 * server cannot act on it twice; another wish, and whatever comes after an answer, gets a key of its own.
 */
export function useStepKey(): { readonly of: (wish: unknown) => string; readonly answered: () => void } {
  const step = useRef<Step | null>(null);
  return {
    of: (wish) => {
      const asked = JSON.stringify(wish ?? null);
      if (step.current?.wish !== asked) step.current = { wish: asked, key: crypto.randomUUID() };
      return step.current.key;
    },
    answered: () => {
      step.current = null;
    },
  };
}

import { useRef } from "react";

/**
 * One idempotency key for one wish. The same wish sent again after silence has the same key, so that the
 * server cannot act on it twice; once it has been answered, the next one gets a key of its own.
 */
export function useStepKey(): { readonly current: () => string; readonly answered: () => void } {
  const key = useRef<string | null>(null);
  return {
    current: () => (key.current ??= crypto.randomUUID()),
    answered: () => {
      key.current = null;
    },
  };
}

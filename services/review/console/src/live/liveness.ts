import { useSyncExternalStore } from "react";

// How often lists are asked for again while nobody tells what changed; and while somebody does, to be safe.
const POLL_MS = 4_000;
const SELDOM_MS = 60_000;

let live = false;
const listeners = new Set<() => void>();

export function noteLive(now: boolean): void {
  if (live === now) return;
  live = now;
  for (const listener of listeners) listener();
}

interface Asked {
  readonly state: { readonly error: Error | null };
}

/** For queries of what the stream tells about; what could not be read when it told of it is asked for again soon. */
export function pollMs({ state }: Asked): number {
  return live && !state.error ? SELDOM_MS : POLL_MS;
}

/** Whether changes arrive by themselves. */
export function useIsLive(): boolean {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => live,
  );
}

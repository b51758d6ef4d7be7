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

/** For queries of what the stream tells about. */
export function pollMs(): number {
  return live ? SELDOM_MS : POLL_MS;
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

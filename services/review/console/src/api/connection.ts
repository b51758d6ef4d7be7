import { useSyncExternalStore } from "react";

/** Whether the last request was answered at all. One fact for the whole page. */
let lost = false;
const listeners = new Set<() => void>();

export function noteAnswered(answered: boolean): void {
  if (lost === !answered) return;
  lost = !answered;
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function useConnectionLost(): boolean {
  return useSyncExternalStore(subscribe, () => lost);
}

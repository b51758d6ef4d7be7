import type { Queue } from "../../api/schema";

/** The wanted queue as the server lists it, or as it is without work; the first one while none is wanted. */
export function chosenQueue(wanted: string, queues: readonly Queue[] | undefined): Queue | null {
  if (!queues) return null;
  if (!wanted) return queues[0] ?? null;
  return queues.find(({ queue }) => queue === wanted) ?? { ...NO_WORK, queue: wanted, label: inWords(wanted) };
}

/** The queues that can be gone to: those that have work, and the wanted one. */
export function withChosen(wanted: string, queues: readonly Queue[]): readonly Queue[] {
  const chosen = wanted ? chosenQueue(wanted, queues) : null;
  return chosen && !queues.includes(chosen) ? [chosen, ...queues] : queues;
}

const NO_WORK = { depth: 0, oldest_age_seconds: 0, due_within_hour: 0, more: false } as const;

function inWords(queue: string): string {
  const words = queue.replace(/[_.-]/gu, " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

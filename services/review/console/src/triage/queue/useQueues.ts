import { useLocalStorage } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { useEffect } from "react";

import { answerOf, api } from "../../api/client";
import type { Queue, QueueItem } from "../../api/schema";
import { pollMs } from "../../live/liveness";
import { EVERY } from "../../tenants/useTenants";
import { useAddressed } from "../../ui/useAddressed";
import type { Desk } from "../desk/desk";
import { chosenQueue } from "./chosenQueue";

// As many as anyone scrolls through; the count in the heading is of all.
export const SHOWN = 50;
const QUEUE = "queue";

/** The queues that hold work of a tenant for this person; nothing for whoever may not decide (`wanted`). */
export function useQueues(wanted = true, tenant = EVERY) {
  return useQuery({
    queryKey: ["queues", tenant],
    enabled: wanted,
    queryFn: () => answerOf(api.GET("/api/review/v1/queues", { params: { query: { tenant } } })),
    select: ({ items }) => items,
    refetchInterval: pollMs,
  });
}

export function useQueueItems(queue: string | null, tenant: string) {
  return useQuery({
    queryKey: ["queue", queue, tenant],
    queryFn: () =>
      answerOf(
        api.GET("/api/review/v1/queues/{queue}/items", {
          params: { path: { queue: queue ?? "" }, query: { limit: SHOWN, cursor: null, tenant } },
        }),
      ),
    select: ({ items }): readonly QueueItem[] => items,
    enabled: queue !== null,
    refetchInterval: pollMs,
  });
}

/**
 * The name of the queue in the address, else of the one that this person chose last on this browser, "" before they
 * have; and how to remember one. What another tab chooses meanwhile takes no work away from under this one.
 */
export function useWantedQueue(person: string) {
  const [asked, ask] = useAddressed(QUEUE);
  const [last, keep] = useLocalStorage({
    key: `countersign.queue.${person}`,
    defaultValue: "",
    getInitialValueInEffect: false,
    sync: false,
  });
  return { wanted: asked || last, ask, keep };
}

/** Where a queue is worked on. */
export function addressOfQueue(queue: string): string {
  return `/?${QUEUE}=${encodeURIComponent(queue)}`;
}

interface ChosenQueue {
  readonly queue: Queue | null;
  readonly choose: (queue: string) => void;
  /** Where to begin, while nothing was chosen. */
  readonly begin: (queue: string) => void;
}

/**
 * The queue to work on: the one chosen last, else the first that has work. Whoever works in a queue stays there when it
 * runs empty: the server lists only those that have work for them.
 */
export function useChosenQueue(person: string, queues: readonly Queue[] | undefined): ChosenQueue {
  const { wanted, ask, keep } = useWantedQueue(person);
  const choose = (queue: string) => {
    keep(queue);
    ask(queue);
  };
  return { queue: chosenQueue(wanted, queues), choose, begin: wanted ? nowhere : keep };
}

/** Begins with the queue of the case that lies on the desk already, else with the first that has work. */
export function useFirstQueue(desk: Desk, queues: readonly Queue[] | undefined, begin: ChosenQueue["begin"]): void {
  const open = desk.phase === "open" ? desk.claim.queue : null;
  const first = desk.phase === "resuming" ? null : (open ?? queues?.[0]?.queue);
  useEffect(() => {
    if (first) begin(first);
  }, [first, begin]);
}

function nowhere(): void {}

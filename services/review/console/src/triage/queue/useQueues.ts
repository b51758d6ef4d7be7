import { useLocalStorage } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { useEffect } from "react";

import { answerOf, api } from "../../api/client";
import type { Queue, QueueItem } from "../../api/schema";
import { pollMs } from "../../live/liveness";
import { chosenQueue } from "./chosenQueue";
import { EVERY } from "../../tenants/useTenants";

// As many as anyone scrolls through; the count in the heading is of all.
export const SHOWN = 50;

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

/** The name of the queue that this person chose last on this browser, "" before they have; and how to choose another. */
export function useWantedQueue(person: string) {
  return useLocalStorage({ key: `countersign.queue.${person}`, defaultValue: "", getInitialValueInEffect: false });
}

/**
 * The queue to work on: the one chosen last, else the first that has work. Whoever works in a queue stays there when it
 * runs empty: the server lists only those that have work for them.
 */
export function useChosenQueue(
  person: string,
  queues: readonly Queue[] | undefined,
): [Queue | null, (queue: string) => void] {
  const [wanted, choose] = useWantedQueue(person);
  const first = queues?.[0]?.queue;
  useEffect(() => {
    if (!wanted && first) choose(first);
  }, [wanted, first, choose]);
  return [chosenQueue(wanted, queues), choose];
}

import { useLocalStorage } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";

import { answerOf, api } from "../../api/client";
import type { Queue, QueueItem } from "../../api/schema";
import { pollMs } from "../../live/liveness";

// As many as anyone scrolls through; the count in the heading is of all.
const SHOWN = 50;

export function useQueues() {
  return useQuery({
    queryKey: ["queues"],
    queryFn: () => answerOf(api.GET("/api/review/v1/queues")),
    select: ({ items }) => items,
    refetchInterval: pollMs,
  });
}

export function useQueueItems(queue: string | null) {
  return useQuery({
    queryKey: ["queue", queue],
    queryFn: () =>
      answerOf(
        api.GET("/api/review/v1/queues/{queue}/items", {
          params: { path: { queue: queue ?? "" }, query: { limit: SHOWN, cursor: null } },
        }),
      ),
    select: ({ items }): readonly QueueItem[] => items,
    enabled: queue !== null,
    refetchInterval: pollMs,
  });
}

/** The queue to work on: the one chosen last, else the first that has work. */
export function useChosenQueue(queues: readonly Queue[] | undefined): [Queue | null, (queue: string) => void] {
  const [wanted, choose] = useLocalStorage({
    key: "countersign.queue",
    defaultValue: "",
    getInitialValueInEffect: false,
  });
  const chosen = queues?.find(({ queue }) => queue === wanted);
  const first = queues?.find(({ depth }) => depth > 0) ?? queues?.[0];
  return [chosen ?? first ?? null, choose];
}

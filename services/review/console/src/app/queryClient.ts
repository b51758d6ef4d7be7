import { QueryClient } from "@tanstack/react-query";

import { NoAnswer } from "../api/problem";

// How often lists are asked for again. A person looks up every few seconds, not more.
export const POLL_MS = 4_000;

export function createQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        // "online" would pause requests when the browser believes it is offline, and show nothing of it.
        networkMode: "always",
        retry: (failures, error) => error instanceof NoAnswer && failures < 2,
        retryDelay: 1_000,
        staleTime: 2_000,
      },
      mutations: { networkMode: "always", retry: false },
    },
  });
}

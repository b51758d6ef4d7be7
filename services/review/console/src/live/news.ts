import type { QueryKey } from "@tanstack/react-query";

/** Something changed at the desk; ids only, the page fetches what it may see. */
export interface Change {
  readonly kind: string;
  readonly tenant: string;
  /** Null when several cases came at once. */
  readonly case_id: string | null;
  readonly queue: string | null;
  readonly review_id: string | null;
}

/** What the tab that holds the stream tells the others. */
export type News =
  | { readonly type: "change"; readonly change: Change }
  /** Something may have been missed. */
  | { readonly type: "resync" }
  | { readonly type: "live"; readonly live: boolean }
  /** The session is over. */
  | { readonly type: "ended" }
  /** A tab that has just opened wants to know whether somebody listens. */
  | { readonly type: "asking" };

/** The readings that a change makes old. */
export function staleAfter({ tenant, case_id: caseId, queue }: Change): readonly QueryKey[] {
  return [
    ["queues"],
    queue ? ["queue", queue] : ["queue"],
    ["cases"],
    ["claim"],
    caseId ? ["case", tenant, caseId] : ["case"],
  ];
}

/** Everything a stream would have told about, and who one is: roles may have changed. */
export const ALL_STALE: readonly QueryKey[] = [["queues"], ["queue"], ["cases"], ["case"], ["claim"], ["me"]];

/** The same key once: a hundred changes within a moment are one reading of the queue. */
export function union(keys: readonly QueryKey[]): readonly QueryKey[] {
  return [...new Map(keys.map((key) => [JSON.stringify(key), key])).values()];
}

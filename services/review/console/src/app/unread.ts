import { type Query, type QueryCache, useQueryClient } from "@tanstack/react-query";
import { useSyncExternalStore } from "react";

import { Refused } from "../api/problem";

declare module "@tanstack/react-query" {
  interface Register {
    readonly queryMeta: {
      /** What a list holds that a page needs beside its own: in the plural, as in "The colleagues could not be read". */
      readonly names?: string;
    };
  }
}

export interface Unread {
  /** What could not be read, as one phrase; empty while nothing is missing. */
  readonly what: string;
  readonly error: Error | null;
}

const NOTHING: Unread = { what: "", error: null };
const LISTED = new Intl.ListFormat("en-GB");

/** The side lists that the page shown needs and that could not be read. */
export function useUnread(): Unread {
  const cache = useQueryClient().getQueryCache();
  return useSyncExternalStore(
    (listener) => cache.subscribe(listener),
    () => latest(cache),
  );
}

/** Reads them again; resolves when each has been read, or has failed. */
export function useReadAgain(): () => Promise<void> {
  const queries = useQueryClient();
  return () => {
    const unread = new Set(missing(queries.getQueryCache()));
    return queries.refetchQueries({ predicate: (query) => unread.has(query) });
  };
}

function missing(cache: QueryCache): Query[] {
  return cache.getAll().filter(
    (query) =>
      query.meta?.names !== undefined &&
      query.state.data === undefined &&
      // Also while it is asked for again: what is missing then is missing still.
      query.state.errorUpdateCount > 0 &&
      !isNotForThem(query.state.error) &&
      query.isActive(),
  );
}

/** Whoever may not know something misses nothing by it. */
function isNotForThem(error: Error | null): boolean {
  return error instanceof Refused && (error.status === 401 || error.status === 403);
}

// The same value as long as it says the same, as a store must give.
let told = NOTHING;

function latest(cache: QueryCache): Unread {
  const queries = missing(cache);
  const what = LISTED.format([...new Set(queries.map(({ meta }) => meta?.names ?? ""))].toSorted());
  const error = queries.find(({ state }) => state.error)?.state.error ?? (what === told.what ? told.error : null);
  if (what !== told.what || error !== told.error) told = queries.length === 0 ? NOTHING : { what, error };
  return told;
}

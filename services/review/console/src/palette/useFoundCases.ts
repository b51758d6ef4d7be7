import { useDebouncedValue } from "@mantine/hooks";
import { useQueries } from "@tanstack/react-query";

import { answerOf, api } from "../api/client";
import type { CaseRow } from "../api/schema";

// Long enough that a word is typed on, short enough that nobody waits for it.
const TYPING_MS = 150;
// One letter finds everything.
const LEAST = 2;
const MOST = 200;
const SHOWN = 6;

export interface FoundCases {
  readonly rows: readonly CaseRow[];
  /** Why some of them are missing; null when none is, or while they are looked for once more. */
  readonly error: Error | null;
  /** Looks once more for what could not be looked for; null where nothing is missing. */
  readonly again: (() => void) | null;
}

/**
 * The newest cases that a text leads to: by its words, and by an id or subject that is exactly it. The latter are there
 * at once, words only when they have been indexed.
 */
export function useFoundCases(text: string): FoundCases {
  const [settled] = useDebouncedValue(text, TYPING_MS);
  const wanted = settled.length >= LEAST && settled.length <= MOST && settled === text;
  return useQueries({
    queries: (["case_id", "subject", "q"] as const).map((by) => ({
      queryKey: ["cases", "found", by, settled],
      queryFn: () =>
        answerOf(api.GET("/api/review/v1/cases", { params: { query: { [by]: settled, limit: SHOWN, level: [] } } })),
      enabled: wanted,
    })),
    combine: (answers) => {
      const rows = wanted ? answers.flatMap(({ data }) => data?.items ?? []) : [];
      const once = new Map(rows.map((row) => [`${row.tenant}/${row.case_id}`, row]));
      // Also while they are asked for once more: what is missing then is missing still.
      const missing = wanted ? answers.filter(({ data, errorUpdateCount }) => !data && errorUpdateCount > 0) : [];
      return {
        rows: [...once.values()].slice(0, SHOWN),
        error: missing.find(({ error }) => error)?.error ?? null,
        again: missing.length > 0 ? () => missing.forEach(({ refetch }) => void refetch()) : null,
      };
    },
  });
}

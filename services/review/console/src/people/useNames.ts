import { useQueries } from "@tanstack/react-query";

import { answerOf, api } from "../api/client";
import { knowsNames } from "../session/roles";
import { useMe } from "../session/useSession";
import { together } from "./batch";

// Nobody changes their name while somebody reads a page.
const FRESH_MS = 5 * 60_000;
const MOST_NAMES = 100;
/** How review names people in records. Services and systems upstream are called something else, and have no other name. */
const PSEUDONYM = /\bu_[0-9a-f]{16}\b/gu;

const nameOf = together(MOST_NAMES, async (pseudonyms) => {
  const { items } = await answerOf(
    api.GET("/api/review/v1/names", { params: { query: { pseudonym: [...pseudonyms] } } }),
  );
  return new Map(items.map(({ pseudonym, display_name: name }) => [pseudonym, name]));
});

/**
 * What the people are called whom a text names by their pseudonyms, as far as the reader may know them. Names come from
 * review alone, to be shown: they are in no record.
 */
export function useNames(text: string): ReadonlyMap<string, string> {
  const me = useMe().data;
  const pseudonyms = me && knowsNames(me) ? [...new Set(text.match(PSEUDONYM) ?? [])] : [];
  const named = useQueries({
    queries: pseudonyms.map((pseudonym) => ({
      queryKey: ["names", pseudonym],
      meta: { names: "names of people" },
      queryFn: async () => ({ pseudonym, name: await nameOf(pseudonym) }),
      staleTime: FRESH_MS,
    })),
    combine: answered,
  });
  return new Map(named.flatMap(({ pseudonym, name }) => (name === null ? [] : [[pseudonym, name]])));
}

/** Lists are compared by what is in them, so that a page is drawn again only when a name has come. */
function answered<Answer>(queries: readonly { readonly data: Answer | undefined }[]): Answer[] {
  return queries.flatMap(({ data }) => (data === undefined ? [] : [data]));
}

import { type QueryKey, useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";

import { noteLive } from "./liveness";
import { ALL_STALE, type News, staleAfter, union } from "./news";
import { share } from "./stream";

// Changes come in bursts; a person does not see the difference.
const GATHER_MS = 200;

/** Keeps what is on the screen true for as long as `person` is signed in. Without it, lists are polled. */
export function useLive(person: string, whenEnded: () => void): void {
  const queries = useQueryClient();
  useEffect(() => {
    // Where pages are not served from a secure origin there are no locks: then the page polls.
    if (!("locks" in navigator)) return undefined;
    let gathered: QueryKey[] = [];
    let timer: ReturnType<typeof setTimeout> | undefined;
    const refresh = () => {
      timer = undefined;
      for (const queryKey of union(gathered)) void queries.invalidateQueries({ queryKey });
      gathered = [];
    };
    const stale = (keys: readonly QueryKey[]) => {
      gathered.push(...keys);
      timer ??= setTimeout(refresh, GATHER_MS);
    };
    const hear = (news: News) => {
      if (news.type === "live") noteLive(news.live);
      if (news.type === "change") stale(staleAfter(news.change));
      if (news.type === "resync") stale(ALL_STALE);
      if (news.type === "ended") whenEnded();
    };
    const stop = share(`countersign.live.${person}`, hear);
    return () => {
      stop();
      clearTimeout(timer);
      noteLive(false);
    };
  }, [person, queries, whenEnded]);
}

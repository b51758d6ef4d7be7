import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

const UNSAVED = "unsaved";

/** Whether there is something unsaved of a place, from before somebody looked at another page. */
export function useHasUnsaved(place: string): boolean {
  return useQueryClient().getQueryData([UNSAVED, place]) !== undefined;
}

/**
 * A text that somebody writes. What is not saved of it is there again when they come back from another page; it goes with
 * the tab, and with whoever wrote it.
 */
export function useUnsaved(place: string, saved: string) {
  const queries = useQueryClient();
  const queryKey = [UNSAVED, place];
  const [text, setText] = useState(() => queries.getQueryData<string>(queryKey) ?? saved);
  const write = (next: string) => {
    setText(next);
    queries.setQueryDefaults([UNSAVED], { gcTime: Number.POSITIVE_INFINITY });
    queries.setQueryData(queryKey, next);
  };
  const forget = () => queries.removeQueries({ queryKey, exact: true });
  return { text, write, forget };
}

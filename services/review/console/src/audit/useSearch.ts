import { useState } from "react";

export type Cursors = readonly (string | null)[];

export interface Search<Sought> {
  /** What is looked for; null before somebody says so. */
  readonly sought: Sought | null;
  readonly search: (sought: Sought) => void;
  /** One per page up to the one shown; the first page has none. */
  readonly cursors: Cursors;
  readonly go: (cursors: Cursors) => void;
  readonly cursor: string | null;
  /** Grows with every search: asking again reads again. */
  readonly turn: number;
}

/** A search by form and page: what was asked, how often, and which page is looked at. */
export function useSearch<Sought>(): Search<Sought> {
  const [asked, ask] = useState<{ sought: Sought | null; turn: number }>({ sought: null, turn: 0 });
  const [cursors, go] = useState<Cursors>([null]);
  const search = (sought: Sought) => {
    ask(({ turn }) => ({ sought, turn: turn + 1 }));
    go([null]);
  };
  return { ...asked, search, cursors, go, cursor: cursors.at(-1) ?? null };
}

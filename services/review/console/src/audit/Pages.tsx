import { Button } from "@mantine/core";

import styles from "./Audit.module.css";
import type { Cursors } from "./useSearch";

interface PagesProps {
  /** One per page up to the one shown; the first page has none. */
  readonly cursors: Cursors;
  readonly go: (cursors: Cursors) => void;
  readonly next: string | null | undefined;
  /** What is on the pages. */
  readonly of: string;
  /** Whether the pages go back in time, instead of in the order of the log. */
  readonly newestFirst?: boolean;
}

/** From page to page. */
export function Pages({ cursors, go, next, of, newestFirst = false }: PagesProps) {
  const [before, after] = newestFirst ? ["Later", "Earlier"] : ["Earlier", "Later"];
  return (
    <div className={styles.act}>
      {cursors.length > 1 && (
        <Button size="compact-sm" variant="default" onClick={() => go(cursors.slice(0, -1))}>
          {before} {of}
        </Button>
      )}
      {next && (
        <Button size="compact-sm" variant="default" onClick={() => go([...cursors, next])}>
          {after} {of}
        </Button>
      )}
    </div>
  );
}

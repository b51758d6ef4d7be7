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
}

/** From page to page, in the order of the log. */
export function Pages({ cursors, go, next, of }: PagesProps) {
  return (
    <div className={styles.act}>
      {cursors.length > 1 && (
        <Button size="compact-sm" variant="default" onClick={() => go(cursors.slice(0, -1))}>
          Earlier {of}
        </Button>
      )}
      {next && (
        <Button size="compact-sm" variant="default" onClick={() => go([...cursors, next])}>
          Later {of}
        </Button>
      )}
    </div>
  );
}

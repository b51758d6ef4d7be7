import { Button } from "@mantine/core";

import type { Overtaking } from "../api/schema";
import { due } from "../format/time";
import { useNow } from "../format/useNow";
import { CommandKey } from "../keys/Keycap";
import { useCommand } from "../keys/KeyProvider";
import styles from "./Overtaken.module.css";

interface OvertakenProps {
  readonly by: Overtaking;
  readonly onTake: () => void;
  readonly onStay: () => void;
}

/** Something more urgent came in after this case was prepared: what, and what to do about it. */
export function Overtaken({ by, onTake, onStay }: OvertakenProps) {
  const now = useNow(10_000);
  const key = useCommand("first", { run: onTake });
  return (
    <div role="status" className={styles.notice}>
      <p>
        More urgent by now: <strong>{by.title}</strong>, {due(by.due_at, null, now)?.text}. This case goes back to the
        queue if you take it first.
      </p>
      <Button
        size="compact-sm"
        variant="default"
        aria-keyshortcuts={key}
        onClick={onTake}
        rightSection={<CommandKey of="first" />}
      >
        Take it first
      </Button>
      <Button size="compact-sm" variant="default" onClick={onStay}>
        Stay here
      </Button>
    </div>
  );
}

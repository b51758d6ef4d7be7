import { Button } from "@mantine/core";
import { useRef, useState } from "react";

import type { ApiKeyCreated } from "../api/schema";
import { Card } from "../ui/Card";
import styles from "./ApiKeys.module.css";

interface KeyOnceProps {
  readonly made: ApiKeyCreated;
  readonly onDone: () => void;
}

/** A key that was just made, in this answer and nowhere else. */
export function KeyOnce({ made, onDone }: KeyOnceProps) {
  const shown = useRef<HTMLElement>(null);
  const [copied, setCopied] = useState("");
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(made.api_key);
      setCopied("Copied.");
    } catch {
      // Not a secure origin, or not allowed: the hand can do it.
      if (shown.current) window.getSelection()?.selectAllChildren(shown.current);
      setCopied("This browser does not let a page copy. The key is marked: press Ctrl C or Cmd C.");
    }
  };
  return (
    <Card title={`The key \u201c${made.name}\u201d`} asking>
      <p className={styles.warning}>
        <strong>It is shown this once and never again.</strong> Put it where the program finds it now. Whoever has it
        can act as {made.username}; if it is lost or seen, revoke it and make another.
      </p>
      <code ref={shown} className={styles.secret} tabIndex={0} aria-label="The key">
        {made.api_key}
      </code>
      <div className={styles.act}>
        <Button autoFocus onClick={() => void copy()}>
          Copy it
        </Button>
        <Button variant="default" onClick={onDone}>
          Done, it is in its place
        </Button>
        <span role="status" className={styles.hint}>
          {copied}
        </span>
      </div>
    </Card>
  );
}

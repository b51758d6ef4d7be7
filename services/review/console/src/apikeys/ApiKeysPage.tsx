import { Button } from "@mantine/core";
import { useEffect, useRef, useState } from "react";

import type { ApiKeyCreated } from "../api/schema";
import { useEverybody } from "../team/useTeam";
import { Coming, Page, Trouble } from "../ui/Page";
import styles from "./ApiKeys.module.css";
import { KeyOnce } from "./KeyOnce";
import { KeyTable } from "./KeyTable";
import { MakeKey } from "./MakeKey";
import { useApiKeys } from "./useApiKeys";

type Open = { readonly what: "nothing" | "new" } | { readonly what: "made"; readonly key: ApiKeyCreated };

/** What programs sign in with: made here, shown once, taken back here. */
export default function ApiKeysPage() {
  const keys = useApiKeys();
  // Whom a key can act as, or acts as.
  const owners = useEverybody();
  const [open, setOpen] = useState<Open>({ what: "nothing" });
  const [told, tell] = useState({ words: "" });
  const said = useRef<HTMLParagraphElement>(null);
  // What had the focus is gone from the page: whoever works by keyboard goes on from what became of it.
  useEffect(() => {
    if (told.words) said.current?.focus();
  }, [told]);
  const say = (words: string) => {
    setOpen({ what: "nothing" });
    tell({ words });
  };
  return (
    <Page
      title="API keys"
      lead="A program signs in with a key, and may never do more than the key’s owner."
      beside={
        open.what === "nothing" && (
          <Button variant="default" onClick={() => setOpen({ what: "new" })}>
            Make a key
          </Button>
        )
      }
    >
      <p ref={said} role="status" tabIndex={-1} className={styles.told}>
        {told.words}
      </p>
      {open.what === "new" && (
        <MakeKey
          owners={owners.data ?? []}
          onMade={(key) => setOpen({ what: "made", key })}
          onCancel={() => say("No key was made.")}
        />
      )}
      {open.what === "made" && (
        <KeyOnce made={open.key} onDone={() => say(`The key “${open.key.name}” is in force.`)} />
      )}
      <Trouble error={keys.error} />
      <Coming when={keys.isPending} />
      {keys.data && (
        <KeyTable
          keys={keys.data}
          owners={owners.data ?? []}
          onRevoked={({ name }) => say(`The key “${name}” is revoked: whoever comes with it is refused.`)}
        />
      )}
    </Page>
  );
}

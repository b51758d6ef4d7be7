import { Button } from "@mantine/core";
import { useState } from "react";

import type { ApiKey } from "../api/schema";
import { Trouble } from "../ui/Page";
import styles from "./ApiKeys.module.css";
import { useRevokeKey } from "./useApiKeys";

/** Takes a key back, after a second press: the program that uses it stops at once. */
export function Revoke({ of, onRevoked }: { of: ApiKey; onRevoked: () => void }) {
  const [sure, ask] = useState(false);
  const revoke = useRevokeKey();
  if (!sure) {
    return (
      <Button size="compact-xs" variant="default" onClick={() => ask(true)}>
        Revoke<span className="visually-hidden"> {of.name}</span>
      </Button>
    );
  }
  return (
    <>
      <span className={styles.sure}>Its program is refused at once, for good.</span>
      <Button
        size="compact-xs"
        autoFocus
        loading={revoke.isPending}
        onClick={() => revoke.mutate(of.key_id, { onSuccess: onRevoked })}
        onBlur={() => !revoke.isPending && ask(false)}
      >
        Revoke {of.name}
      </Button>
      <Trouble error={revoke.error} />
    </>
  );
}

import { Button } from "@mantine/core";
import { useState } from "react";

import type { PolicyEntry } from "../api/router";
import type { Me } from "../api/schema";
import { hasRole } from "../session/roles";
import { Card } from "../ui/Card";
import { Trouble } from "../ui/Page";
import { DraftRow } from "./DraftRow";
import { DraftEditor } from "./DraftEditor";
import styles from "./Policies.module.css";
import { useDrafts, usePolicy } from "./usePolicies";
import { useHasUnsaved } from "./useUnsaved";

/** Versions on their way: written by one, tested and replayed, approved by another, published. */
export function Drafts({ me, policy }: { me: Me; policy: PolicyEntry }) {
  const drafts = useDrafts();
  const [writing, write] = useState(useHasUnsaved(policy.id));
  const inForce = usePolicy(policy.sha256);
  const mine = drafts.data?.filter(({ id }) => id === policy.id) ?? [];
  const elsewhere = (drafts.data?.length ?? 0) - mine.length;
  return (
    <Card
      title="On its way"
      beside={elsewhere > 0 && `${elsewhere} more ${elsewhere === 1 ? "draft" : "drafts"} of other policies`}
    >
      <Trouble error={drafts.error} />
      {drafts.data && mine.length === 0 && !writing && (
        <p className={styles.caption}>
          No draft is open. A new version is written by one person and approved by another before it routes anything.
        </p>
      )}
      {mine.map((draft) => (
        <DraftRow key={draft.draft_id} me={me} draft={draft} inForce={policy} />
      ))}
      {hasRole(me, "policy_author") &&
        inForce.data &&
        (writing ? (
          <DraftEditor draft={null} place={policy.id} yaml={inForce.data.yaml} onDone={() => write(false)} />
        ) : (
          <Button className={styles.begin ?? ""} size="compact-sm" variant="default" onClick={() => write(true)}>
            Write a new version
          </Button>
        ))}
    </Card>
  );
}

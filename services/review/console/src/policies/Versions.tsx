import { Button, TextInput } from "@mantine/core";
import { useState } from "react";

import type { PolicyEntry } from "../api/router";
import { moment } from "../format/time";
import { useNow } from "../format/useNow";
import { Name } from "../people/Name";
import { Card } from "../ui/Card";
import { Trouble } from "../ui/Page";
import table from "../ui/table.module.css";
import styles from "./Policies.module.css";
import { useRollBack } from "./usePolicies";

interface VersionsProps {
  readonly versions: readonly PolicyEntry[];
  readonly mayRollBack: boolean;
}

/** Every version that was ever in force; an older one comes back the way any version comes. */
export function Versions({ versions, mayRollBack }: VersionsProps) {
  const now = useNow(60_000);
  const [returning, bring] = useState<string | null>(null);
  return (
    <Card title="Versions">
      <table aria-label="Versions" className={`${table.table} ${table.stacked}`}>
        <thead>
          <tr>
            <th scope="col">Version</th>
            <th scope="col">Published</th>
            <th scope="col">Why</th>
            <th scope="col">
              <span className="visually-hidden">State</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {versions.map((version) => (
            <tr key={version.sha256}>
              <td>
                <span className={table.named}>version </span>
                {version.version}
                <small>{version.sha256.slice(0, 12)}</small>
              </td>
              <td>
                <span className={table.named}>published: </span>
                {moment(version.published_at, now)}
                {version.published_by && (
                  <small>
                    <Name of={version.published_by} />
                  </small>
                )}
              </td>
              <td>{version.reason ?? "came with the installation"}</td>
              <td data-number>
                {version.in_force ? (
                  <strong className={styles.force}>in force</strong>
                ) : (
                  mayRollBack && (
                    <Button size="compact-xs" variant="default" onClick={() => bring(version.sha256)}>
                      Bring back
                    </Button>
                  )
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {returning && <RollBack key={returning} sha256={returning} onDone={() => bring(null)} />}
    </Card>
  );
}

function RollBack({ sha256, onDone }: { sha256: string; onDone: () => void }) {
  const [reason, setReason] = useState("");
  const rollBack = useRollBack();
  return (
    <form
      className={styles.sign}
      onSubmit={(event) => {
        event.preventDefault();
        rollBack.mutate({ sha256, reason: reason.trim() }, { onSuccess: onDone });
      }}
    >
      <TextInput
        label={`Why ${sha256.slice(0, 12)} should come back`}
        value={reason}
        onChange={(event) => setReason(event.currentTarget.value)}
      />
      <Button type="submit" variant="default" disabled={!reason.trim()} loading={rollBack.isPending}>
        Propose it
      </Button>
      <Button variant="default" onClick={onDone}>
        Not now
      </Button>
      <Trouble error={rollBack.error} />
    </form>
  );
}

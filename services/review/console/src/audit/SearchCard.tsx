import { Button } from "@mantine/core";

import { moment } from "../format/time";
import { useNow } from "../format/useNow";
import { Name } from "../people/Name";
import { Card } from "../ui/Card";
import { Trouble, Wide } from "../ui/Page";
import table from "../ui/table.module.css";
import styles from "./Audit.module.css";
import type { ReadEntry } from "./leaf";
import { Pages } from "./Pages";
import { type FieldOf, SearchForm } from "./SearchForm";
import { type Sought, useEntries, useEntryProof } from "./useAudit";
import { useSearch } from "./useSearch";

const NOTHING: Sought = { tenant: "", caseId: "", subject: "", actor: "", kind: "", since: "", until: "", purpose: "" };

const FIELDS: readonly FieldOf<Sought>[] = [
  { name: "caseId", label: "Case id" },
  { name: "subject", label: "Subject" },
  { name: "actor", label: "Actor" },
  { name: "kind", label: "Kind", like: "decision.made" },
  { name: "since", label: "From", type: "datetime-local" },
  { name: "until", label: "To", type: "datetime-local" },
  { name: "tenant", label: "Tenant" },
  { name: "purpose", label: "Why you look" },
];

/** Entries by case, subject, actor, kind and time, each with its proof. */
export function SearchCard() {
  const { sought, search, cursors, go, cursor, turn } = useSearch<Sought>();
  const found = useEntries(sought, cursor, turn);
  return (
    <Card title="Search the log">
      <SearchForm
        label="The log"
        act="Search"
        fields={FIELDS}
        nothing={NOTHING}
        loading={found.isFetching}
        onSearch={search}
      />
      <Trouble error={found.error} />
      {found.data && <Entries entries={found.data.items} />}
      <Pages cursors={cursors} go={go} next={found.data?.next} of="entries" />
    </Card>
  );
}

function Entries({ entries }: { entries: readonly ReadEntry[] }) {
  const now = useNow(60_000);
  if (entries.length === 0) {
    return <p className={styles.mute}>No entry fits. Ids, subjects, actors and kinds are matched whole.</p>;
  }
  return (
    <Wide label="Entries">
      <table className={`${table.table} ${table.stacked}`}>
        <thead>
          <tr>
            <th scope="col" data-number>
              Entry
            </th>
            <th scope="col">When</th>
            <th scope="col">What</th>
            <th scope="col">Who</th>
            <th scope="col">Proof</th>
          </tr>
        </thead>
        <tbody>
          {entries.map((entry) => (
            <tr key={entry.index}>
              <td data-number>
                <span className={table.named}>entry </span>
                {entry.index}
              </td>
              <td className={styles.when}>{entry.occurredAt && moment(entry.occurredAt, now)}</td>
              <td>
                <details>
                  <summary>{entry.kind}</summary>
                  <pre className={styles.leaf}>{entry.lines}</pre>
                </details>
              </td>
              <td>
                <Name of={entry.actor} recorded />
              </td>
              <td>
                <Proof entry={entry} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Wide>
  );
}

function Proof({ entry }: { entry: ReadEntry }) {
  const proof = useEntryProof();
  if (proof.data) {
    return (
      <span role="status" className={styles.proof} data-good={proof.data.included}>
        {proof.data.included
          ? `\u2713 in the log of ${proof.data.size}`
          : `\u2715 not covered by the checkpoint of ${proof.data.size}`}
      </span>
    );
  }
  return (
    <>
      <Button size="compact-xs" variant="default" loading={proof.isPending} onClick={() => proof.mutate(entry)}>
        Prove<span className="visually-hidden"> entry {entry.index}</span>
      </Button>
      <Trouble error={proof.error} />
    </>
  );
}

import { Button } from "@mantine/core";

import { useNow } from "../format/useNow";
import { CommandKey } from "../keys/Keycap";
import { useCommand } from "../keys/KeyProvider";
import { describe, type Entry, undoable, whyItStands } from "./ledger";
import { useLedger } from "./LedgerProvider";
import styles from "./LedgerStatus.module.css";

// What was sent or taken back is news for a moment only; a refusal stays until someone has read it.
const NEWS = 1;

/** Where the latest decision stands, with undo while there is time. */
export function LedgerStatus({ onUndone }: { onUndone: (claimId: string) => void }) {
  const { entries, undo } = useLedger();
  const now = useNow(250);
  const latest = entries.filter(({ progress }) => progress.phase !== "refused").slice(0, NEWS);
  const open = undoable(entries, now);
  const takeBack = async () => {
    if (open && (await undo(open))) onUndone(open.subject.claimId);
  };
  const key = useCommand("undo", { when: open !== undefined, run: () => void takeBack() });

  return (
    <div className={styles.status}>
      {latest.map((entry) => (
        <Line key={entry.id} entry={entry} now={now} />
      ))}
      {open && (
        <Button
          size="compact-sm"
          radius="xl"
          variant="default"
          aria-keyshortcuts={key}
          onClick={() => void takeBack()}
          rightSection={<CommandKey of="undo" />}
        >
          Undo
        </Button>
      )}
      <p className="visually-hidden" role="status">
        {latest[0] && `${latest[0].subject.caseId}, ${latest[0].subject.outcomeLabel}: ${latest[0].progress.phase}`}
      </p>
    </div>
  );
}

function Line({ entry, now }: { entry: Entry; now: number }) {
  const { caseId, outcomeLabel } = entry.subject;
  return (
    <span className={styles.line} data-phase={entry.progress.phase}>
      <span className={styles.subject}>
        {caseId}, {outcomeLabel}:{" "}
      </span>
      {describe(entry, now)}
      {entry.progress.phase === "sent" && " \u2713"}
    </span>
  );
}

/** What the server refused, and somebody should know: decisions that were not recorded, or not taken back. */
export function RefusedDecisions({ onReopen }: { onReopen: (claimId: string) => void }) {
  const { entries, dismiss } = useLedger();
  const refused = entries.filter(({ progress }) => progress.phase === "refused");
  return (
    <div role="alert" className={styles.refusals}>
      {refused.map((entry) => (
        <div key={entry.id} className={styles.refusal}>
          <p>
            <strong>
              {entry.subject.caseId}: your &ldquo;{entry.subject.outcomeLabel}&rdquo; was not recorded.
            </strong>{" "}
            {describe(entry, 0)}
          </p>
          <Button
            size="compact-sm"
            variant="default"
            onClick={() => {
              dismiss(entry);
              onReopen(entry.subject.claimId);
            }}
          >
            Look at it again
          </Button>
          <Button size="compact-sm" variant="default" onClick={() => dismiss(entry)}>
            Understood
          </Button>
        </div>
      ))}
      {entries.filter(whyItStands).map((entry) => (
        <div key={entry.id} className={styles.refusal}>
          <p>
            <strong>
              {entry.subject.caseId} was not taken back: your &ldquo;{entry.subject.outcomeLabel}&rdquo; stands.
            </strong>{" "}
            {whyItStands(entry)}
          </p>
          <Button size="compact-sm" variant="default" onClick={() => dismiss(entry)}>
            Understood
          </Button>
        </div>
      ))}
    </div>
  );
}

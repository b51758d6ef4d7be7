import { Button } from "@mantine/core";
import { Fragment, useState } from "react";

import type { DraftEntry, PolicyEntry, ReplayReport, StepView } from "../api/router";
import type { Me } from "../api/schema";
import { moment } from "../format/time";
import { useNow } from "../format/useNow";
import { Name } from "../people/Name";
import { hasRole } from "../session/roles";
import { Trouble } from "../ui/Page";
import { DraftEditor } from "./DraftEditor";
import { DraftSigning } from "./DraftSigning";
import styles from "./Policies.module.css";
import { useHasUnsaved } from "./useUnsaved";
import { useDifferences, useDraftText, useReplay, useTestDraft } from "./usePolicies";

interface DraftRowProps {
  readonly me: Me;
  readonly draft: DraftEntry;
  readonly inForce: PolicyEntry;
}

/** One draft: what it would change, which steps it has taken, and the next one for this person. */
export function DraftRow({ me, draft, inForce }: DraftRowProps) {
  const now = useNow(30_000);
  const [editing, edit] = useState(useHasUnsaved(draft.draft_id));
  const text = useDraftText(editing ? draft.draft_id : null);
  const test = useTestDraft();
  const replay = useReplay();
  const works = hasRole(me, "policy_author", "policy_approver");
  return (
    <section className={styles.draft} aria-label={`Draft of version ${draft.version}`}>
      <h3>
        Version {draft.version}
        {draft.returns && ", an older one that is to come back"}
      </h3>
      <p>{draft.reason}</p>
      <p className={styles.caption}>
        by{" "}
        {draft.authors.map((author) => (
          <Fragment key={author}>{author === me.pseudonym ? "you" : <Name of={author} />}, </Fragment>
        ))}
        {moment(draft.changed_at, now)}; hash {draft.sha256.slice(0, 12)}
      </p>
      <Differences before={inForce.sha256} after={draft.sha256} />
      <ol className={styles.steps} aria-label="Steps">
        <Step name="Tested" step={draft.tested} now={now} />
        <Step name="Replayed" step={draft.replayed} now={now} />
        <li data-done={!draft.needs.includes("approval")}>
          Approved{" "}
          <small>
            {draft.approvals.filter(({ counts }) => counts).length} of {draft.approvals_needed}
          </small>
        </li>
        <li data-done={draft.state === "published"}>Published</li>
      </ol>
      {works && (
        <div className={styles.act}>
          <Button size="compact-sm" variant="default" loading={test.isPending} onClick={() => test.mutate(draft)}>
            Run its examples
          </Button>
          <Button size="compact-sm" variant="default" loading={replay.isPending} onClick={() => replay.mutate(draft)}>
            Replay it
          </Button>
          {hasRole(me, "policy_author") && !draft.returns && (
            <Button size="compact-sm" variant="default" onClick={() => edit(!editing)} aria-expanded={editing}>
              Edit
            </Button>
          )}
        </div>
      )}
      <div role="status">
        {replay.done && (
          <p className={styles.caption}>
            {replay.done.done}
            {replay.done.total !== null && ` of ${replay.done.total}`} cases
          </p>
        )}
        {replay.data && <Report report={replay.data} />}
      </div>
      <Trouble error={test.error ?? replay.error} />
      {editing && text.data && (
        <DraftEditor draft={draft} place={draft.draft_id} yaml={text.data.yaml} onDone={() => edit(false)} />
      )}
      <DraftSigning key={draft.sha256} me={me} draft={draft} />
    </section>
  );
}

function Differences({ before, after }: { before: string; after: string }) {
  const found = useDifferences(before, after);
  if (!found.data) return <Trouble error={found.error} />;
  return (
    <>
      <ul className={styles.differences}>
        {found.data.differences.map((difference) => (
          <li key={`${difference.path} ${difference.text}`} data-effect={difference.effect}>
            {difference.text}
            {difference.effect && <strong> ({difference.effect})</strong>}
          </li>
        ))}
      </ul>
      {found.data.differences.length === 0 && <p className={styles.caption}>It does nothing differently.</p>}
      {found.data.voids_certificates && <p className={styles.warning}>{found.data.because}</p>}
    </>
  );
}

function Step({ name, step, now }: { name: string; step: StepView | null; now: number }) {
  return (
    <li data-done={step?.passed ?? false} data-failed={step?.passed === false}>
      {name} {step && <small>{step.passed ? moment(step.at, now) : "did not pass"}</small>}
    </li>
  );
}

function Report({ report }: { report: ReplayReport }) {
  return (
    <ul className={styles.report}>
      {[...report.summary, ...report.notes].map((line) => (
        <li key={line}>{line}</li>
      ))}
    </ul>
  );
}

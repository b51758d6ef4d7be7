import { Link } from "wouter";

import type { ContextPackage, EarlierCase } from "../../api/schema";
import { ago } from "../../format/time";
import { useNow } from "../../format/useNow";
import { Card } from "../../ui/Card";
import { Outcome, outcomeMarks, type OutcomeMarks } from "./Outcome";
import styles from "./Precedents.module.css";
import { SimilarCases } from "./SimilarCases";

/** Similar decided cases, earlier cases of the subject, and the rule that applies. */
export function Precedents({ context }: { context: ContextPackage }) {
  const { history, policy_reference: policy, actions } = context;
  const marks = outcomeMarks(actions.outcomes);
  return (
    <>
      {history.similar.length > 0 && <SimilarCases cases={history.similar} marks={marks} />}
      {history.subject.length > 0 && (
        <Card title="Earlier, same subject">
          <EarlierCases cases={history.subject} marks={marks} />
        </Card>
      )}
      {policy && (
        <Card title={`Policy: ${policy.title}`}>
          <p className={styles.rule}>{policy.text}</p>
          {policy.policy && (
            <p className={styles.source}>
              {policy.policy}
              {policy.version !== null && `, version ${policy.version}`}
            </p>
          )}
        </Card>
      )}
      {history.note && <p className={styles.note}>{history.note}</p>}
    </>
  );
}

function EarlierCases({ cases, marks }: { cases: readonly EarlierCase[]; marks: OutcomeMarks }) {
  const now = useNow(60_000);
  return (
    <ul className={styles.cases}>
      {cases.map((row) => {
        const { tenant, case_id: caseId, title, routed_at: at } = row;
        return (
          <li key={`${tenant}/${caseId}`}>
            <Link
              href={`/cases/${encodeURIComponent(tenant)}/${encodeURIComponent(caseId)}`}
              className={styles.title ?? ""}
            >
              {title}
            </Link>
            <Outcome of={row} marks={marks} />
            <small>
              {caseId}, {ago(at, now)}
            </small>
          </li>
        );
      })}
    </ul>
  );
}

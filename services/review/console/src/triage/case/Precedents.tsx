import { Link } from "wouter";

import type { ContextPackage, EarlierCase, SimilarCase } from "../../api/schema";
import { percent } from "../../format/percent";
import { ago } from "../../format/time";
import { useNow } from "../../format/useNow";
import { Card } from "../../ui/Card";
import styles from "./Precedents.module.css";

/** Similar decided cases, earlier cases of the subject, and the rule that applies. */
export function Precedents({ context }: { context: ContextPackage }) {
  const { history, policy_reference: policy, actions } = context;
  const colours = new Map(actions.outcomes.map(({ outcome, colour }) => [outcome, colour]));
  return (
    <>
      {history.similar.length > 0 && (
        <Card title="Similar decided cases">
          <CaseList cases={history.similar} colours={colours} beside={likenessWords} />
        </Card>
      )}
      {history.subject.length > 0 && (
        <Card title="Earlier, same subject">
          <CaseList cases={history.subject} colours={colours} />
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

// More than this is a list and no longer a reason.
const TOLD = 3;

/** How alike a precedent is, and what makes it so. */
function likenessWords({ likeness, alike_in: alike, differs_in: differs }: SimilarCase): string {
  return [
    `${percent(likeness)} alike`,
    ...(alike.length > 0 ? [`in ${alike.slice(0, TOLD).join(", ")}`] : []),
    ...(differs.length > 0 ? [`differs in ${differs.slice(0, TOLD).join(", ")}`] : []),
  ].join("; ");
}

interface CaseListProps<Row extends EarlierCase> {
  readonly cases: readonly Row[];
  readonly beside?: (row: Row) => string;
  /** The decision type's own colours, by outcome. */
  readonly colours: ReadonlyMap<string, string | null>;
}

function CaseList<Row extends EarlierCase>({ cases, colours, beside }: CaseListProps<Row>) {
  const now = useNow(60_000);
  return (
    <ul className={styles.cases}>
      {cases.map((row) => {
        const { tenant, case_id: caseId, title, outcome, outcome_label: label, state, routed_at: at } = row;
        return (
          <li key={`${tenant}/${caseId}`}>
            <Link
              href={`/cases/${encodeURIComponent(tenant)}/${encodeURIComponent(caseId)}`}
              className={styles.title ?? ""}
            >
              {title}
            </Link>
            <span className={styles.outcome} data-colour={outcome && colours.get(outcome)}>
              {label ?? state.replaceAll("_", " ")}
            </span>
            <small>
              {caseId}, {ago(at, now)}
              {beside && `; ${beside(row)}`}
            </small>
          </li>
        );
      })}
    </ul>
  );
}

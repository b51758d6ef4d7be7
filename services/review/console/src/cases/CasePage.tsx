import { useEffect, useRef } from "react";
import { Link } from "wouter";
import { useHistoryState } from "wouter/use-browser-location";

import { explain } from "../api/problem";
import type { CasePage as CaseDetail, DecisionOnCase } from "../api/schema";
import { moment } from "../format/time";
import { useNow } from "../format/useNow";
import { decides } from "../session/roles";
import { useMe } from "../session/useSession";
import { useTenants } from "../tenants/useTenants";
import { TalkCard } from "../talk/TalkCard";
import { Card } from "../ui/Card";
import { Coming, Old } from "../ui/Page";
import { FactList } from "../triage/case/KeyFacts";
import { TermList } from "../triage/case/TermList";
import styles from "./CasePage.module.css";
import { Reverse } from "./Reverse";
import { TimelineCard } from "./TimelineCard";
import { useCase, useTypeName } from "./useCases";
import { useTimeline } from "./useTimeline";

/** One case: where it stands, its facts, its decisions, and what happened to it. */
export function CasePage({ tenant, caseId }: { tenant: string; caseId: string }) {
  const found = useCase(tenant, caseId);
  const search = useHistoryState<{ search?: string } | null>()?.search;
  return (
    <main className={styles.page}>
      <Link href={`/cases${search ? `?${search}` : ""}`} className={styles.back ?? ""}>
        &lsaquo; {search ? "Back to the cases that were found" : "All cases"}
      </Link>
      {found.error && !found.data && (
        <>
          <h1>{caseId}</h1>
          <p role="alert">{explain(found.error)} Look for it among all cases, by words, id or subject.</p>
        </>
      )}
      <Coming when={found.isPending} />
      {found.data && <Old what="case" error={found.error} />}
      {/* One page a case: nothing that is being written or asked on it goes on with the next one. */}
      {found.data && <Detail key={`${tenant}/${caseId}`} detail={found.data} />}
    </main>
  );
}

function Detail({ detail }: { detail: CaseDetail }) {
  const me = useMe();
  const called = useTypeName();
  const tenanted = useTenants().length > 0;
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), [detail.case_id]);
  return (
    <>
      <header>
        <p className={styles.crumb}>
          {called(detail.decision_type)} &middot; case {detail.case_id}
          {(tenanted || detail.tenant !== "default") && ` \u00b7 ${detail.tenant}`}
        </p>
        <h1 ref={heading} tabIndex={-1}>
          <bdi>{detail.title}</bdi>
        </h1>
        <p className={styles.state}>
          <strong>{detail.state_label}</strong>
          {detail.decided_by && ` by ${detail.decided_by === "person" ? "a person" : "automation"}`}
        </p>
        {detail.withheld && (
          <p className={styles.withheld}>
            Somebody has still to answer; level, outcome and timeline are not shown until then.
          </p>
        )}
      </header>
      {detail.facts.length > 0 && (
        <Card title="Facts">
          <FactList facts={detail.facts} />
        </Card>
      )}
      {detail.state === "decided" && !detail.withheld && me.data && decides(me.data) && (
        <Reverse tenant={detail.tenant} caseId={detail.case_id} />
      )}
      <div className={styles.pair}>
        <Decisions decisions={detail.decisions} />
        <Account detail={detail} />
        {me.data && decides(me.data) && <TalkCard about={{ tenant: detail.tenant, caseId: detail.case_id }} />}
      </div>
      {detail.subject_ref && (
        <p>
          <Link href={`/cases?q=${encodeURIComponent(detail.subject_ref)}`}>Every case of this subject</Link>
        </p>
      )}
    </>
  );
}

const RELATIONS: Readonly<Record<string, string>> = {
  agreed: "as the model proposed",
  modified: "as the model proposed, on other terms",
  overrode: "other than the model proposed",
  no_proposal: "without a proposal",
};

function Decisions({ decisions }: { decisions: readonly DecisionOnCase[] }) {
  const now = useNow(60_000);
  return (
    <Card title="Decisions">
      {decisions.length === 0 && <p className={styles.none}>None yet.</p>}
      <ul className={styles.list}>
        {decisions.map((decision) => (
          <li key={decision.decision_id}>
            <strong>{decision.outcome_label ?? decision.closed_as}</strong>
            {decision.supersedes && " (replaces the earlier one)"}
            <small>
              {decision.mode === "automatic" ? "automatic" : "by a person"}
              {RELATIONS[decision.relation] && `, ${RELATIONS[decision.relation]}`}; {moment(decision.decided_at, now)}
            </small>
            <TermList terms={decision.terms} />
          </li>
        ))}
      </ul>
    </Card>
  );
}

/** The log's own account where it may be read, else what this service knows. */
function Account({ detail }: { detail: CaseDetail }) {
  const asOf = `${detail.state} ${detail.decisions.length}`;
  const timeline = useTimeline(detail.tenant, detail.case_id, asOf, !detail.withheld);
  if (timeline.data) return <TimelineCard timeline={timeline.data} />;
  if (timeline.isLoading) return null;
  return <Events detail={detail} />;
}

function Events({ detail }: { detail: CaseDetail }) {
  const now = useNow(60_000);
  return (
    <Card title="What happened">
      <ol className={styles.events}>
        {detail.history.map((entry) => (
          <li key={`${entry.at} ${entry.kind} ${entry.text}`}>
            {entry.text}
            <small>
              {moment(entry.at, now)}
              {entry.by && `, ${entry.by}`}
            </small>
          </li>
        ))}
      </ol>
    </Card>
  );
}

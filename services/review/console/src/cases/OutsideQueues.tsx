import { Button } from "@mantine/core";
import { Link } from "wouter";

import type { AsideReview } from "../api/schema";
import { due } from "../format/time";
import { useNow } from "../format/useNow";
import { useTenants } from "../tenants/useTenants";
import { Card } from "../ui/Card";
import { Trouble } from "../ui/Page";
import table from "../ui/table.module.css";
import { OUTSIDE, useLetGo, useOutside, type Which } from "./useOutside";

const LABELS: Readonly<Record<Which, string>> = {
  unassignable: "Nobody may take it",
  blocked: "On hold",
  asked: "Waits for an answer",
  assigned: "Kept",
};

/** What no queue offers: on hold, asked about, kept for somebody, or beyond everybody. For leads, who let it go on. */
export function OutsideQueues() {
  const outside = useOutside();
  const letGo = useLetGo();
  const rows = OUTSIDE.flatMap((which) => (outside[which] ?? []).map((review) => ({ which, review })));
  if (rows.length === 0) return null;
  return (
    <Card title="Outside the queues" beside={rows.length === 1 ? "1 case" : `${rows.length} cases`}>
      <table aria-label="Outside the queues" className={`${table.table} ${table.stacked}`}>
        <thead>
          <tr>
            <th scope="col">Case</th>
            <th scope="col">Why</th>
            <th scope="col">Due</th>
            <th scope="col">
              <span className="visually-hidden">Let it go on</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map(({ which, review }) => (
            <Row
              key={`${which} ${review.review_id}`}
              which={which}
              review={review}
              pending={letGo.isPending}
              onLetGo={() => letGo.mutate({ which, reviewId: review.review_id })}
            />
          ))}
        </tbody>
      </table>
      <Trouble error={letGo.error} />
    </Card>
  );
}

interface RowProps {
  readonly which: Which;
  readonly review: AsideReview;
  readonly pending: boolean;
  readonly onLetGo: () => void;
}

function Row({ which, review, pending, onLetGo }: RowProps) {
  const now = useNow(60_000);
  const tenanted = useTenants().length > 0;
  const { tenant, case_id: caseId, title, kept_for: keptFor, question, missing } = review;
  return (
    <tr>
      <td>
        <Link href={`/cases/${encodeURIComponent(tenant)}/${encodeURIComponent(caseId)}`}>{title}</Link>
        <small>
          {caseId}
          {tenanted && ` \u00b7 ${tenant}`}
        </small>
      </td>
      <td>
        {LABELS[which]}
        {which === "assigned" && keptFor && ` for ${keptFor}`}
        {question && <small>{question}</small>}
        {missing?.length ? <small>missing: {missing.map(({ text }) => text).join("; ")}</small> : null}
      </td>
      <td>{due(review.due_at, review.at_risk_at, now)?.text}</td>
      <td data-number>
        {which !== "unassignable" && (
          <Button size="compact-xs" variant="default" loading={pending} onClick={onLetGo}>
            {which === "blocked" ? "Let it go on" : "Call it back"}
            <span className="visually-hidden">: {caseId}</span>
          </Button>
        )}
      </td>
    </tr>
  );
}

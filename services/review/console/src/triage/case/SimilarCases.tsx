import { Link } from "wouter";

import type { SimilarCase } from "../../api/schema";
import { ago } from "../../format/time";
import { useNow } from "../../format/useNow";
import { Card } from "../../ui/Card";
import { difference, share, tally } from "./likeness";
import { Outcome, type OutcomeMarks } from "./Outcome";
import styles from "./SimilarCases.module.css";

/** Cases like this one that people decided: how near each is, how it ended, and what is different about it. */
export function SimilarCases({ cases, marks }: { cases: readonly SimilarCase[]; marks: OutcomeMarks }) {
  const now = useNow(60_000);
  return (
    <Card title="Similar decided cases" beside={tally(cases)}>
      <table aria-label="Similar cases" className={styles.table}>
        <thead className="visually-hidden">
          <tr>
            <th scope="col">Alike</th>
            <th scope="col">Case and what differs</th>
            <th scope="col">Decided</th>
          </tr>
        </thead>
        <tbody>
          {cases.map((one) => (
            <tr key={`${one.tenant}/${one.case_id}`} title={`${one.case_id}, decided ${ago(one.decided_at, now)}`}>
              <td className={styles.near}>
                <meter min={0} max={1} value={one.likeness} aria-hidden="true" />
                {share(one.likeness)}
              </td>
              <td>
                <Link
                  href={`/cases/${encodeURIComponent(one.tenant)}/${encodeURIComponent(one.case_id)}`}
                  className={styles.title ?? ""}
                >
                  {one.title}
                </Link>
                <small title={one.differs_in.join(", ")}>{difference(one)}</small>
              </td>
              <td className={styles.outcome}>
                <Outcome of={one} marks={marks} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Card>
  );
}

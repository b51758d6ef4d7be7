import type { Timeline } from "../api/audit";
import { answerOf, api } from "../api/client";
import { FileLink } from "../files/FileLink";
import { moment } from "../format/time";
import { useNow } from "../format/useNow";
import { useNames } from "../people/useNames";
import { useMe } from "../session/useSession";
import { Card } from "../ui/Card";
import { spoken } from "./spoken";
import styles from "./TimelineCard.module.css";
import { useDecisionTypes } from "./useCases";

/** What the log holds about a case, and how much of it the latest signed checkpoint covers. */
export function TimelineCard({ timeline }: { timeline: Timeline }) {
  const place = `${encodeURIComponent(timeline.tenant)}/${encodeURIComponent(timeline.case_id)}`;
  const params = { path: { tenant: timeline.tenant, case_id: timeline.case_id } };
  const now = useNow(60_000);
  const me = useMe().data?.pseudonym;
  const type = useDecisionTypes().data?.find(({ name }) => name === timeline.decision_type);
  const labels = new Map(type?.outcomes.map(({ outcome, label }) => [outcome, label]));
  const { entries, checkpoint } = timeline;
  const names = useNames(entries.map(({ words }) => words).join(" "));
  const covered = entries.filter(({ included }) => included).length;
  const all = entries.length > 0 && covered === entries.length;
  return (
    <Card title="On the record">
      {checkpoint && (
        <p className={styles.proof} data-all={all} title={`Root ${checkpoint.root} of ${checkpoint.size} entries`}>
          {all ? "\u2713 in the signed log" : `${covered} of ${entries.length} in the signed log so far`}
        </p>
      )}
      <ol className={styles.timeline}>
        {entries.map((entry) => (
          <li key={entry.index}>
            {spoken(entry.words, { labels, names, me })}
            <small>
              {entry.occurred_at && `${moment(entry.occurred_at, now)}, `}entry {entry.index}
              {entry.payload !== "readable" && `, ${entry.payload}`}
            </small>
          </li>
        ))}
      </ol>
      <div className={styles.take}>
        <FileLink
          href={`/api/review/v1/cases/${place}/proof`}
          name={`${timeline.case_id}-proof.json`}
          fetch={() => answerOf(api.GET("/api/review/v1/cases/{tenant}/{case_id}/proof", { params, parseAs: "blob" }))}
        >
          Take the proof with you
        </FileLink>
      </div>
      {!timeline.complete && <p>There are more entries than are shown here.</p>}
    </Card>
  );
}

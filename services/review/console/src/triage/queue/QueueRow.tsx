import type { QueueItem } from "../../api/schema";
import { due } from "../../format/time";
import styles from "./QueueRow.module.css";

interface QueueRowProps {
  readonly item: QueueItem;
  /** Whether rows are of several tenants. */
  readonly tenanted: boolean;
  readonly now: number;
  readonly current: boolean;
  readonly onOpen: () => void;
}

export function QueueRow({ item, tenanted, now, current, onOpen }: QueueRowProps) {
  const deadline = due(item.due_at, item.at_risk_at, now);
  return (
    <button type="button" className={styles.row} title={item.case_id} aria-current={current} onClick={onOpen}>
      <span className={styles.title}>
        <bdi>{item.title}</bdi>
      </span>
      <span className={styles.reason}>
        {item.claimed_by_me && !current && <span className={styles.held}>held for you &middot; </span>}
        {item.kept_for_me && !item.claimed_by_me && <span className={styles.held}>handed to you &middot; </span>}
        {item.escalated && <span className={styles.held}>escalated &middot; </span>}
        {tenanted && <span className={styles.tenant}>{item.tenant} &middot; </span>}
        {item.reason}
      </span>
      {deadline && (
        <span className={styles.due} data-urgency={deadline.urgency}>
          {deadline.text}
        </span>
      )}
    </button>
  );
}

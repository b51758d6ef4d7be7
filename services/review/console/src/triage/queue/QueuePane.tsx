import { type KeyboardEvent, useRef } from "react";

import { explain } from "../../api/problem";
import type { Claim, Queue, QueueItem } from "../../api/schema";
import { useNow } from "../../format/useNow";
import { CommandKey } from "../../keys/Keycap";
import { useCommand } from "../../keys/KeyProvider";
import { EVERY } from "../../tenants/useTenants";
import { Old } from "../../ui/Page";
import { stepFocus } from "../../ui/stepFocus";
import { withChosen } from "./chosenQueue";
import { ElsewhereNote } from "./ElsewhereNote";
import { howMany } from "./depth";
import styles from "./QueuePane.module.css";
import { QueueRow } from "./QueueRow";
import { SHOWN } from "./useQueues";

interface QueuePaneProps {
  readonly queues: readonly Queue[];
  readonly chosen: Queue | null;
  readonly onChoose: (queue: string) => void;
  /** What there is to choose among; none where all work is of one tenant. */
  readonly tenants: readonly string[];
  readonly tenant: string;
  readonly onTenant: (tenant: string) => void;
  readonly items: readonly QueueItem[] | undefined;
  /** Why there is no list. */
  readonly trouble: Error | null;
  readonly open: Claim | null;
  readonly onOpen: (item: QueueItem) => void;
}

/** The queue: what each case is, why a person is asked, and by when. Never the proposal. */
export function QueuePane(props: QueuePaneProps) {
  const { queues, chosen, onChoose, tenants, tenant, onTenant, items, trouble, open, onOpen } = props;
  const now = useNow(15_000);
  const list = useRef<HTMLUListElement>(null);

  const move = (step: 1 | -1) => {
    const rows = [...(list.current?.querySelectorAll("button") ?? [])];
    stepFocus(
      rows,
      step,
      rows.findIndex((row) => row.ariaCurrent === "true"),
    );
  };
  useCommand("down", { run: () => move(1) });
  useCommand("up", { run: () => move(-1) });

  return (
    <nav className={styles.pane} aria-label="Queue">
      <div className={styles.head}>
        <QueueName queues={queues} chosen={chosen} onChoose={onChoose} />
        {tenants.length > 0 && <TenantName tenants={tenants} tenant={tenant} onTenant={onTenant} />}
        {chosen && <span className={styles.count}>{howMany(chosen)} for you</span>}
        <span className={styles.keys}>
          <CommandKey of="down" />
          <CommandKey of="up" />
        </span>
      </div>
      <ElsewhereNote {...props} />
      {items && <Old what="list" error={trouble} />}
      <ul className={styles.list} ref={list}>
        {items?.map((item) => (
          <li key={item.review_id}>
            <QueueRow
              item={item}
              tenanted={tenants.length > 0}
              now={now}
              current={item.review_id === open?.review_id}
              onOpen={() => onOpen(item)}
            />
          </li>
        ))}
      </ul>
      {items && chosen && chosen.depth > SHOWN && (
        <p className={styles.empty}>The first {SHOWN} are listed; the others follow as these are done.</p>
      )}
      {trouble && !items && (
        <p role="alert" className={styles.empty}>
          The list could not be read. {explain(trouble)}
        </p>
      )}
      {items?.length === 0 && (
        <p className={styles.empty}>Nothing waits here for you. New cases appear by themselves.</p>
      )}
    </nav>
  );
}

function TenantName({ tenants, tenant, onTenant }: Pick<QueuePaneProps, "tenants" | "tenant" | "onTenant">) {
  const field = useRef<HTMLSelectElement>(null);
  const key = useCommand("tenant", { run: () => field.current?.focus() });
  return (
    <span className={styles.choice}>
      <select
        ref={field}
        className={styles.select}
        aria-label="Tenant to work for"
        aria-keyshortcuts={key}
        onKeyDown={leaveOnEnter}
        value={tenant}
        onChange={(event) => onTenant(event.currentTarget.value)}
      >
        <option value={EVERY}>Every tenant</option>
        {tenants.map((one) => (
          <option key={one} value={one}>
            {one}
          </option>
        ))}
      </select>
      <CommandKey of="tenant" />
    </span>
  );
}

/** What was chosen is in force already; this gives the keys back to the page. */
function leaveOnEnter(event: KeyboardEvent<HTMLSelectElement>) {
  if (event.key !== "Escape" && event.key !== "Enter") return;
  event.preventDefault();
  event.currentTarget.blur();
}

function QueueName({ queues, chosen, onChoose }: Pick<QueuePaneProps, "queues" | "chosen" | "onChoose">) {
  const offered = withChosen(chosen?.queue ?? "", queues);
  const field = useRef<HTMLSelectElement>(null);
  const several = offered.length > 1;
  const key = useCommand("queue", { when: several, run: () => field.current?.focus() });
  if (!several) return <h2 className={styles.name}>{chosen?.label ?? "Queue"}</h2>;
  return (
    <span className={styles.choice}>
      <select
        ref={field}
        className={styles.select}
        aria-label="Queue to work on"
        aria-keyshortcuts={key}
        onKeyDown={leaveOnEnter}
        value={chosen?.queue ?? ""}
        onChange={(event) => onChoose(event.currentTarget.value)}
      >
        {offered.map(({ queue, label, ...waiting }) => (
          <option key={queue} value={queue}>
            {queue === chosen?.queue ? label : `${label} (${howMany(waiting)})`}
          </option>
        ))}
      </select>
      <CommandKey of="queue" />
    </span>
  );
}

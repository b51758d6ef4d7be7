import { Button } from "@mantine/core";

import type { Claim, Queue } from "../../api/schema";
import { EVERY } from "../../tenants/useTenants";
import { chosenQueue } from "./chosenQueue";
import styles from "./QueuePane.module.css";

interface ElsewhereNoteProps {
  readonly queues: readonly Queue[];
  readonly chosen: Queue | null;
  readonly onChoose: (queue: string) => void;
  readonly tenant: string;
  readonly onTenant: (tenant: string) => void;
  readonly open: Claim | null;
}

/** Says that the open case is none of the list beside it: it was taken up again, opened by address, or from elsewhere. */
export function ElsewhereNote({ queues, chosen, onChoose, tenant, onTenant, open }: ElsewhereNoteProps) {
  const whose = open?.context.decision_required.tenant ?? EVERY;
  const elsewhere = open !== null && chosen !== null && open.queue !== chosen.queue;
  const others = open !== null && tenant !== EVERY && whose !== tenant;
  const label = open && `${chosenQueue(open.queue, queues)?.label ?? open.queue}${others ? ` of ${whose}` : ""}`;
  const shown = elsewhere || others;
  const show = () => {
    if (elsewhere) onChoose(open.queue);
    if (others) onTenant(whose);
  };
  return (
    <div className={styles.elsewhere} data-shown={shown}>
      <p role="status">
        {shown && `The open case is of ${label}, not of this list. The next one comes from this list.`}
      </p>
      {shown && (
        <Button size="compact-sm" variant="default" onClick={show}>
          Show the list of {label}
        </Button>
      )}
    </div>
  );
}

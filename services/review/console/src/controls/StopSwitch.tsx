import { Button, NativeSelect, Textarea } from "@mantine/core";
import { type FormEvent, useState } from "react";

import type { StopPreview, StopScope } from "../api/router";
import { Card } from "../ui/Card";
import { Trouble } from "../ui/Page";
import table from "../ui/table.module.css";
import styles from "./Controls.module.css";
import { scopeWords } from "./scope";
import { useDecisionTypes, useStop, useStopPreview } from "./useControls";

const EVERYTHING = "";

/** Halts automation, after a look at the work that this sends to people. */
export function StopSwitch() {
  const types = useDecisionTypes();
  const [type, setType] = useState(EVERYTHING);
  const [reason, setReason] = useState("");
  const scope: StopScope =
    type === EVERYTHING ? { scope: "all" } : { scope: "decision_type", decision_type: type, tenant: null };
  const preview = useStopPreview(scope, true);
  const stop = useStop();

  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (reason.trim()) stop.mutate({ scope, reason: reason.trim() }, { onSuccess: () => setReason("") });
  };

  return (
    <Card title="Stop automation">
      <form className={styles.stop} onSubmit={submit}>
        <NativeSelect
          label="What to stop"
          data={[
            { value: EVERYTHING, label: "Everything" },
            ...(types.data ?? []).map(({ decision_type, label }) => ({ value: decision_type, label })),
          ]}
          value={type}
          onChange={(event) => setType(event.currentTarget.value)}
        />
        <Textarea
          label="Why"
          description="Goes on the record; the people who get the cases will ask."
          autosize
          minRows={1}
          required
          withAsterisk={false}
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value)}
        />
        <div className={styles.load} aria-live="polite">
          {preview.data && <Load preview={preview.data} />}
          <Trouble error={preview.error} />
        </div>
        <div className={styles.act}>
          <Button type="submit" className={styles.danger ?? ""} loading={stop.isPending} disabled={!reason.trim()}>
            Stop {type === EVERYTHING ? "all automation" : type.replaceAll("_", " ")} now
          </Button>
          <span role="status" className={styles.done}>
            {stop.data &&
              `Stopped. ${stop.data.recent_total} automatic decisions of the last ${stop.data.recent_seconds} s stand and may want a second look.`}
          </span>
        </div>
        <Trouble error={stop.error} />
      </form>
    </Card>
  );
}

function Load({ preview }: { preview: StopPreview }) {
  return (
    <>
      <p>
        <strong>{rate(preview.automatic_per_hour)} more cases an hour for people</strong>, on top of{" "}
        {rate(preview.people_per_hour)}, going by {preview.hours === 1 ? "the last hour" : `${preview.hours} hours`} of{" "}
        {scopeWords(preview)}. The machine decided {preview.automatic_last_hour} in the last hour,{" "}
        {preview.automatic_last_minute} of them in the last minute.
      </p>
      {preview.queues.length > 0 && (
        <table className={table.table}>
          <thead>
            <tr>
              <th scope="col">Queue</th>
              <th scope="col" data-number>
                More an hour
              </th>
              <th scope="col" data-number>
                Busiest hour
              </th>
            </tr>
          </thead>
          <tbody>
            {preview.queues.map((queue) => (
              <tr key={queue.queue}>
                <td>{queue.queue.replaceAll("_", " ")}</td>
                <td data-number>{rate(queue.per_hour)}</td>
                <td data-number>{queue.busiest_hour}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </>
  );
}

function rate(perHour: number): string {
  return perHour > 0 && perHour < 10 ? perHour.toFixed(1) : String(Math.round(perHour));
}

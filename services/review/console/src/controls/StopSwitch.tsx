import { Button, NativeSelect, Textarea } from "@mantine/core";
import { type FormEvent, useState } from "react";

import type { Control, StopAnswer, StopPreview } from "../api/router";
import type { Me } from "../api/schema";
import { useTypeName } from "../cases/useCases";
import { TenantField, useScopeChoice } from "../tenants/TenantField";
import { Card } from "../ui/Card";
import { Trouble } from "../ui/Page";
import table from "../ui/table.module.css";
import styles from "./Controls.module.css";
import { ALL, holds, scopeOf, scopeWords } from "./scope";
import { useDecisionTypes, useStop, useStopPreview } from "./useControls";

const EVERYTHING = "";

/** Halts automation, after a look at the work that this sends to people. */
export function StopSwitch({ me, stops }: { me: Me; stops: readonly Control[] }) {
  const types = useDecisionTypes();
  const called = useTypeName();
  const [type, setType] = useState(EVERYTHING);
  const [reason, setReason] = useState("");
  const whose = useScopeChoice(me);
  const place = { tenant: whose.tenant, decision_type: type || ALL };
  const scope = scopeOf(place);
  const held = stops.some((one) => holds(one, place));
  const preview = useStopPreview(scope, !held);
  const stop = useStop();

  const submit = (event: FormEvent) => {
    event.preventDefault();
    const why = reason.trim();
    // What was written since is the reason of the next one.
    const done = () => setReason((now) => (now.trim() === why ? "" : now));
    if (why) stop.mutate({ scope, reason: why }, { onSuccess: done });
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
        <TenantField {...whose} />
        <Textarea
          className={(whose.tenants.length > 1 && styles.whole) || ""}
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
          {held && <p>It is stopped already, and nothing more would be sent to people.</p>}
          {!held && preview.data && <Load preview={preview.data} />}
          <Trouble error={preview.error} />
        </div>
        <div className={styles.act}>
          <Button
            type="submit"
            className={styles.danger ?? ""}
            loading={stop.isPending}
            disabled={held || !reason.trim()}
          >
            {type === EVERYTHING ? "Stop all automation" : `Stop automation of ${called(type)}`}
            {whose.tenant !== ALL && ` for ${whose.tenant}`} now
          </Button>
          <span role="status" className={styles.done}>
            {stop.data ? doneWords(stop.data) : !held && !reason.trim() && "Say why, then it can be stopped."}
          </span>
        </div>
        <Trouble error={stop.error} />
      </form>
    </Card>
  );
}

function Load({ preview }: { preview: StopPreview }) {
  const called = useTypeName();
  return (
    <>
      <p>
        <strong>{rate(preview.automatic_per_hour)} more cases an hour for people</strong>, on top of{" "}
        {rate(preview.people_per_hour)}, going by {preview.hours === 1 ? "the last hour" : `${preview.hours} hours`} of{" "}
        {scopeWords(preview, called)}. The machine decided {preview.automatic_last_hour} in the last hour,{" "}
        {preview.automatic_last_minute} of them in the last minute.
      </p>
      {preview.queues.length > 0 && (
        <table aria-label="More cases for people, by queue" className={table.table}>
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

/** What was decided just before stands; somebody may want to look at it. */
function doneWords({ recent_total: total, recent_seconds: seconds }: StopAnswer): string {
  if (total === 0) return `Stopped. Nothing was decided automatically in the last ${seconds} s.`;
  const stand = total === 1 ? "1 automatic decision" : `${total} automatic decisions`;
  return `Stopped. ${stand} of the last ${seconds} s ${total === 1 ? "stands" : "stand"} and may want a second look.`;
}

function rate(perHour: number): string {
  return perHour > 0 && perHour < 10 ? perHour.toFixed(1) : String(Math.round(perHour));
}

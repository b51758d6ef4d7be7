import { Button, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";

import type { Control, ReleaseView } from "../api/router";
import type { Me } from "../api/schema";
import { useTypeName } from "../cases/useCases";
import { moment } from "../format/time";
import { useNow } from "../format/useNow";
import { Name } from "../people/Name";
import { actsFor, switches } from "../session/roles";
import { Card } from "../ui/Card";
import { Trouble } from "../ui/Page";
import styles from "./Controls.module.css";
import { scopeOf, scopeWords } from "./scope";
import { useAskForRelease, useConfirmRelease } from "./useControls";

interface StoppedProps {
  readonly me: Me;
  readonly stops: readonly Control[];
  readonly requests: readonly ReleaseView[];
}

/** The stops that hold, and what it takes to lift each. */
export function Stopped({ me, stops, requests }: StoppedProps) {
  if (stops.length === 0) {
    return (
      <p className={styles.running} role="status">
        <span aria-hidden="true">{"\u2713"}</span> No stop holds. The machine decides where policy and certificates
        allow it.
      </p>
    );
  }
  return stops.map((stop) => {
    const asked = requests.filter(
      ({ tenant, decision_type: type }) => tenant === stop.tenant && type === stop.decision_type,
    );
    return (
      <StoppedScope
        key={`${stop.tenant} ${stop.decision_type}`}
        me={me}
        stop={stop}
        // Whoever has asked as well may still be the second of two, for what somebody else asked.
        request={asked.find(({ requested_by: by }) => by !== me.pseudonym) ?? asked[0]}
      />
    );
  });
}

interface StoppedScopeProps {
  readonly me: Me;
  readonly stop: Control;
  readonly request: ReleaseView | undefined;
}

function StoppedScope({ me, stop, request }: StoppedScopeProps) {
  const called = useTypeName();
  const now = useNow(30_000);
  const since = (
    <>
      since {moment(stop.changed_at, now)}, by{" "}
      {stop.changed_by === me.pseudonym ? "you" : <Name of={stop.changed_by} />}
    </>
  );
  return (
    <Card asking title={`Stopped: ${scopeWords(stop, called)}`} beside={since}>
      <p className={styles.why}>{String(stop.state["reason"] ?? "")}</p>
      {switches(me) &&
        actsFor(me, stop.tenant) &&
        (request ? <Confirm me={me} request={request} /> : <AskForRelease stop={stop} />)}
      {switches(me) && !actsFor(me, stop.tenant) && (
        <p className={styles.mute}>It holds for every tenant: people who act for all of them let automation go on.</p>
      )}
    </Card>
  );
}

function AskForRelease({ stop }: { stop: Control }) {
  const [reason, setReason] = useState("");
  const ask = useAskForRelease();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (reason.trim()) ask.mutate({ scope: scopeOf(stop), reason: reason.trim() });
  };
  return (
    <form className={styles.release} onSubmit={submit}>
      <TextInput
        label="Why automation may go on"
        required
        withAsterisk={false}
        value={reason}
        onChange={(event) => setReason(event.currentTarget.value)}
      />
      <Button type="submit" variant="default" loading={ask.isPending} disabled={!reason.trim()}>
        Ask a second person
      </Button>
      <Trouble error={ask.error} />
    </form>
  );
}

function Confirm({ me, request }: { me: Me; request: ReleaseView }) {
  const now = useNow(30_000);
  const confirm = useConfirmRelease();
  const mine = request.requested_by === me.pseudonym;
  return (
    <div className={styles.release}>
      <p>
        {mine ? "You have" : <Name of={request.requested_by} />}
        {!mine && " has"} asked for it to go on, {moment(request.requested_at, now)}: {request.reason}
      </p>
      {mine ? (
        <p className={styles.mute}>
          Another operator, lead or administrator must confirm, by {moment(request.expires_at, now)}. It cannot be you.
        </p>
      ) : (
        <Button loading={confirm.isPending} onClick={() => confirm.mutate(request.request_id)}>
          Confirm: automation goes on
        </Button>
      )}
      <Trouble error={confirm.error} />
    </div>
  );
}

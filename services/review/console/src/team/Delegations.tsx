import { Button, NativeSelect, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";

import type { Colleague } from "../api/schema";
import { serverNow } from "../api/serverClock";
import { LAST_DAY, startOfDay } from "../format/day";
import { moment } from "../format/time";
import { useNow } from "../format/useNow";
import { zoneWords } from "../format/zone";
import { Card } from "../ui/Card";
import { Trouble } from "../ui/Page";
import table from "../ui/table.module.css";
import styles from "./Team.module.css";
import { useColleagues, useDelegate, useDelegations, useEndDelegation } from "./useTeam";

/** Who stands in for whom. Work goes over, authority never does. */
export function Delegations() {
  const now = useNow(60_000);
  const delegations = useDelegations();
  const end = useEndDelegation();
  const colleagues = useColleagues().data ?? [];
  const called = (username: string) => colleagues.find((one) => one.username === username)?.display_name ?? username;
  return (
    <Card title="Standing in">
      <Trouble error={delegations.error ?? end.error} />
      {delegations.data?.length === 0 && <p className={styles.gone}>Nobody stands in for anybody now.</p>}
      {delegations.data && delegations.data.length > 0 && (
        <table aria-label="Standing in" className={`${table.table} ${table.stacked}`}>
          <thead>
            <tr>
              <th scope="col">Away</th>
              <th scope="col">Stands in</th>
              <th scope="col">From</th>
              <th scope="col">To</th>
              <th scope="col">
                <span className="visually-hidden">End</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {delegations.data.map((one) => (
              <tr key={one.delegation_id}>
                <td>
                  {called(one.username)}
                  {one.reason && <small>{one.reason}</small>}
                </td>
                <td>{called(one.delegate)}</td>
                <td>{moment(one.starts_at, now)}</td>
                <td>{moment(one.ends_at, now)}</td>
                <td data-number>
                  {one.beyond_you ? (
                    <span className={styles.gone}>also acts for tenants that are not yours</span>
                  ) : (
                    <Button size="compact-xs" variant="default" onClick={() => end.mutate(one.delegation_id)}>
                      End now<span className="visually-hidden"> for {called(one.username)}</span>
                    </Button>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <Delegate />
    </Card>
  );
}

function named(colleagues: readonly Colleague[]) {
  return [
    { value: "", label: "" },
    ...colleagues.map(({ username, display_name: label }) => ({ value: username, label })),
  ];
}

function Delegate() {
  const colleagues = useColleagues();
  const delegate = useDelegate();
  const [away, setAway] = useState("");
  const [stand, setStand] = useState("");
  const [until, setUntil] = useState("");
  const all = colleagues.data ?? [];
  // The day named is the last one away.
  const end = startOfDay(until, 1);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!end) return;
    delegate.mutate({
      username: away,
      delegate: stand,
      starts_at: new Date(serverNow()).toISOString(),
      ends_at: end,
    });
  };
  return (
    <form className={styles.form} onSubmit={submit}>
      <NativeSelect
        label="Away"
        data={named(all.filter(({ beyond_you: beyond }) => !beyond))}
        value={away}
        onChange={(event) => setAway(event.currentTarget.value)}
      />
      <NativeSelect
        label="Stands in"
        data={named(all.filter(({ username }) => username !== away))}
        value={stand}
        onChange={(event) => setStand(event.currentTarget.value)}
      />
      <TextInput
        label="Last day"
        description={zoneWords()}
        inputWrapperOrder={["label", "input", "description"]}
        type="date"
        max={LAST_DAY}
        value={until}
        onChange={(event) => setUntil(event.currentTarget.value)}
      />
      <div className={styles.act}>
        <Button type="submit" variant="default" disabled={!away || !stand || !end} loading={delegate.isPending}>
          Let them stand in from now on
        </Button>
      </div>
      <Trouble error={delegate.error} />
    </form>
  );
}

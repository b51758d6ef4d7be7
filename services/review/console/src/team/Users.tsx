import { Button } from "@mantine/core";
import { useState } from "react";

import type { Me, User } from "../api/schema";
import { ago } from "../format/time";
import { useNow } from "../format/useNow";
import { useTypeName } from "../cases/useCases";
import { decides } from "../session/roles";
import { Trouble, Wide } from "../ui/Page";
import table from "../ui/table.module.css";
import { authorityWords, tenantWords } from "./rights";
import styles from "./Team.module.css";
import { useDisableUser, useEnableUser } from "./useTeam";

interface UsersProps {
  readonly me: Me;
  readonly users: readonly User[];
  readonly onEdit: (user: User) => void;
}

export function Users({ me, users, onEdit }: UsersProps) {
  const now = useNow(60_000);
  const label = useTypeName();
  const active = users.filter(({ disabled_at: gone }) => gone === null);
  const gone = users.filter(({ disabled_at: at }) => at !== null);
  return (
    <Wide label="People">
      <table className={`${table.table} ${table.stacked}`}>
        <thead>
          <tr>
            <th scope="col">Name</th>
            <th scope="col">Roles</th>
            <th scope="col">May decide</th>
            <th scope="col">Since</th>
            <th scope="col">
              <span className="visually-hidden">State</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {[...active, ...gone].map((user) => (
            <tr key={user.username} data-gone={user.disabled_at !== null}>
              <td>
                {user.display_name}
                <small>
                  {user.username}, {user.pseudonym} in the record
                </small>
              </td>
              <td>
                {user.roles.map((role) => role.replaceAll("_", " ")).join(", ")}
                {!user.tenants.includes("*") && <small>{tenantWords(user)}</small>}
              </td>
              <td>
                {decides(user) ? authorityWords(user.authority, label) : <span className={styles.gone}>no cases</span>}
              </td>
              <td className={styles.since}>
                <span className={table.named}>since: </span>
                {ago(user.created_at, now)}
              </td>
              <td data-number>
                <State user={user} me={me} now={now} onEdit={onEdit} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Wide>
  );
}

interface StateProps {
  readonly user: User;
  readonly me: Me;
  readonly now: number;
  readonly onEdit: (user: User) => void;
}

/** What can be done about somebody: nothing by whoever looks after some of their tenants only. */
function State({ user, me, now, onEdit }: StateProps) {
  const gone = user.disabled_at !== null;
  if (user.beyond_you) {
    return (
      <span className={styles.gone}>
        {gone && `gone since ${ago(user.disabled_at ?? "", now)}; `}also acts for tenants that are not yours
      </span>
    );
  }
  if (gone) return <Gone user={user} now={now} />;
  return (
    <span className={styles.buttons}>
      <Button size="compact-xs" variant="default" onClick={() => onEdit(user)}>
        Change<span className="visually-hidden"> {user.display_name}</span>
      </Button>
      {user.username !== me.username && <Disable user={user} />}
    </span>
  );
}

function Gone({ user, now }: { user: User; now: number }) {
  const enable = useEnableUser();
  return (
    <>
      <span className={styles.gone}>gone since {ago(user.disabled_at ?? "", now)}</span>
      <Button
        size="compact-xs"
        variant="default"
        loading={enable.isPending}
        onClick={() => enable.mutate(user.username)}
      >
        Let in again<span className="visually-hidden">: {user.display_name}</span>
      </Button>
      <Trouble error={enable.error} />
    </>
  );
}

function Disable({ user }: { user: User }) {
  const [sure, ask] = useState(false);
  const disable = useDisableUser();
  if (!sure) {
    return (
      <Button size="compact-xs" variant="default" onClick={() => ask(true)}>
        Disable<span className="visually-hidden"> {user.display_name}</span>
      </Button>
    );
  }
  return (
    <>
      <span className={styles.sure}>Sessions end, cases at hand go back.</span>
      <Button
        size="compact-xs"
        autoFocus
        loading={disable.isPending}
        onClick={() => disable.mutate(user.username)}
        onBlur={() => !disable.isPending && ask(false)}
      >
        Disable {user.display_name}
      </Button>
      <Trouble error={disable.error} />
    </>
  );
}

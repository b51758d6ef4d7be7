import { Button } from "@mantine/core";
import { useState } from "react";

import type { Me, User } from "../api/schema";
import { Card } from "../ui/Card";
import { Coming, NotAmong, Page, Trouble } from "../ui/Page";
import { useAddressed, useAddressedPages } from "../ui/useAddressed";
import { AddUser } from "./AddUser";
import { Delegations } from "./Delegations";
import { EditUser } from "./EditUser";
import styles from "./Team.module.css";
import { Users } from "./Users";
import { useEverybody, useUsers } from "./useTeam";

/** Who may do what, and people who come and go. Who is being changed is in the address. */
export default function TeamPage({ me }: { me: Me }) {
  const [cursors, setCursors] = useAddressedPages();
  const users = useUsers(cursors.at(-1) ?? null);
  const [adding, add] = useState(false);
  const [wanted, change] = useAddressed("person");
  const { user, missing } = useWanted(wanted, users.data?.items);
  const open = (username: string) => {
    add(false);
    change(username);
  };
  return (
    <Page
      title="Team"
      lead="Roles say what somebody may do, authority how far their decisions reach."
      beside={
        !adding &&
        !user && (
          <Button variant="default" onClick={() => add(true)}>
            Add somebody
          </Button>
        )
      }
    >
      {adding && <AddUser me={me} onDone={() => add(false)} />}
      {user && !adding && <EditUser key={user.username} me={me} user={user} onDone={() => change("")} />}
      {missing && <NotAmong name={wanted} those="whom you may change" />}
      <Trouble error={users.error} />
      <Coming when={users.isPending} />
      {users.data && (
        <Card title="People">
          <Users me={me} users={users.data.items} onEdit={({ username }) => open(username)} />
          <div className={styles.act}>
            {cursors.length > 1 && (
              <Button size="compact-sm" variant="default" onClick={() => setCursors(cursors.slice(0, -1))}>
                Before
              </Button>
            )}
            {users.data.next_cursor && (
              <Button
                size="compact-sm"
                variant="default"
                onClick={() => setCursors([...cursors, users.data?.next_cursor ?? null])}
              >
                More
              </Button>
            )}
          </div>
        </Card>
      )}
      <Delegations />
    </Page>
  );
}

/** Who is to be changed, whichever page of the list they are on; missing when they may not be, or are not there. */
function useWanted(wanted: string, shown: readonly User[] | undefined) {
  const among = (users: readonly User[] | undefined) => users?.find(({ username }) => username === wanted);
  const here = among(shown);
  const everybody = useEverybody(wanted !== "" && shown !== undefined && !here);
  const found = here ?? among(everybody.data);
  const user = found && !found.beyond_you && found.disabled_at === null ? found : null;
  return { user, missing: wanted !== "" && !user && (found !== undefined || everybody.isSuccess) };
}

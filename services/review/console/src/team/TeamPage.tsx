import { Button } from "@mantine/core";
import { useState } from "react";

import type { Me, User } from "../api/schema";
import { Card } from "../ui/Card";
import { Page, Trouble } from "../ui/Page";
import { AddUser } from "./AddUser";
import { Delegations } from "./Delegations";
import { EditUser } from "./EditUser";
import styles from "./Team.module.css";
import { Users } from "./Users";
import { useUsers } from "./useTeam";

type Open = { readonly what: "nothing" } | { readonly what: "new" } | { readonly what: "user"; readonly user: User };

/** Who may do what, and people who come and go. */
export default function TeamPage({ me }: { me: Me }) {
  const [cursors, setCursors] = useState<readonly (string | null)[]>([null]);
  const users = useUsers(cursors.at(-1) ?? null);
  const [open, setOpen] = useState<Open>({ what: "nothing" });
  const close = () => setOpen({ what: "nothing" });
  return (
    <Page
      title="Team"
      lead="Roles say what somebody may do, authority how far their decisions reach."
      beside={
        open.what === "nothing" && (
          <Button variant="default" onClick={() => setOpen({ what: "new" })}>
            Add somebody
          </Button>
        )
      }
    >
      {open.what === "new" && <AddUser me={me} onDone={close} />}
      {open.what === "user" && <EditUser key={open.user.username} me={me} user={open.user} onDone={close} />}
      <Trouble error={users.error} />
      {users.data && (
        <Card title="People">
          <Users me={me} users={users.data.items} onEdit={(user) => setOpen({ what: "user", user })} />
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

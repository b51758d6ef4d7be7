import { Button } from "@mantine/core";
import { useState } from "react";

import type { Me } from "../api/schema";
import { Card } from "../ui/Card";
import { Page, Trouble } from "../ui/Page";
import { AddUser } from "./AddUser";
import { Users } from "./Users";
import { useUsers } from "./useTeam";

/** Who may do what, and people who come and go. */
export default function TeamPage({ me }: { me: Me }) {
  const users = useUsers();
  const [adding, add] = useState(false);
  return (
    <Page
      title="Team"
      lead="Roles say what somebody may do, authority how far their decisions reach."
      beside={
        !adding && (
          <Button variant="default" onClick={() => add(true)}>
            Add somebody
          </Button>
        )
      }
    >
      {adding && <AddUser onDone={() => add(false)} />}
      <Trouble error={users.error} />
      {users.data && (
        <Card title="People">
          <Users me={me} users={users.data} />
        </Card>
      )}
    </Page>
  );
}

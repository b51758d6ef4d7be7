import { Button } from "@mantine/core";
import { useState } from "react";

import type { Me, User } from "../api/schema";
import { Card } from "../ui/Card";
import { Trouble } from "../ui/Page";
import { PasswordOnce } from "./PasswordOnce";
import styles from "./Team.module.css";
import { UserForm } from "./UserForm";
import { useChangeUser, useNewPassword } from "./useTeam";

/** Changes what somebody may do, from their next request on. */
export function EditUser({ me, user: now, onDone }: { me: Me; user: User; onDone: () => void }) {
  // As they were when the form opened: what somebody else changes meanwhile is refused, not written over unseen.
  const [user] = useState(now);
  const change = useChangeUser();
  const password = useNewPassword();
  if (password.data) return <PasswordOnce user={password.data} onDone={onDone} />;
  return (
    <Card title={`Change ${user.display_name}`} beside={user.username} asking>
      <UserForm
        me={me}
        user={user}
        verb="Save"
        pending={change.isPending}
        error={change.error}
        onSubmit={(rights) => change.mutate({ user, rights }, { onSuccess: onDone })}
        onCancel={onDone}
      />
      <div className={styles.act}>
        <Button
          size="compact-sm"
          variant="default"
          loading={password.isPending}
          onClick={() => password.mutate(user.username)}
        >
          Give another password; their sessions end
        </Button>
      </div>
      <Trouble error={password.error} />
    </Card>
  );
}

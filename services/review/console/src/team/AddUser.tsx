import { TextInput } from "@mantine/core";
import { useState } from "react";

import type { Me } from "../api/schema";
import { Card } from "../ui/Card";
import { PasswordOnce } from "./PasswordOnce";
import { UserForm } from "./UserForm";
import { useAddUser } from "./useTeam";

/** Adds somebody with a fresh password. */
export function AddUser({ me, onDone }: { me: Me; onDone: () => void }) {
  const add = useAddUser();
  const [username, setUsername] = useState("");
  if (add.data) return <PasswordOnce user={add.data} onDone={onDone} />;
  return (
    <Card title="Add somebody" asking>
      <UserForm
        me={me}
        user={null}
        verb="Add"
        pending={add.isPending}
        error={add.error}
        onSubmit={(rights) => add.mutate({ ...rights, username: username.trim() })}
        onCancel={onDone}
      >
        <TextInput
          label="Name to sign in with"
          autoFocus
          autoCapitalize="none"
          spellCheck={false}
          required
          withAsterisk={false}
          value={username}
          onChange={(event) => setUsername(event.currentTarget.value)}
        />
      </UserForm>
    </Card>
  );
}

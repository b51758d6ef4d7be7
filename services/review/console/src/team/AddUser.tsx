import { Button, Checkbox, NativeSelect, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";

import type { Authority, UserRequest } from "../api/schema";
import type { Role } from "../session/roles";
import { Card } from "../ui/Card";
import { Trouble } from "../ui/Page";
import styles from "./Team.module.css";
import { useAddUser } from "./useTeam";

const ROLES: readonly { readonly role: Role; readonly label: string }[] = [
  { role: "reviewer", label: "Reviewer: decides cases" },
  { role: "lead", label: "Lead: decides, looks at figures, stops automation" },
  { role: "policy_author", label: "Policy author: writes policies" },
  { role: "policy_approver", label: "Policy approver: approves what others wrote" },
  { role: "operator", label: "Operator: stops automation" },
  { role: "analyst", label: "Analyst: looks at figures" },
  { role: "auditor", label: "Auditor: reads the record" },
  { role: "submitter", label: "Submitter: brings cases in" },
  { role: "admin", label: "Administrator: adds and disables people" },
];
const TIERS: readonly Authority["max_tier"][] = ["negligible", "low", "medium", "high", "critical"];

/** Adds somebody with a fresh password, which is shown this once. */
export function AddUser({ onDone }: { onDone: () => void }) {
  const add = useAddUser();
  const [username, setUsername] = useState("");
  const [name, setName] = useState("");
  const [roles, setRoles] = useState<readonly Role[]>(["reviewer"]);
  const [tier, setTier] = useState<Authority["max_tier"]>("medium");

  const submit = (event: FormEvent) => {
    event.preventDefault();
    const body: UserRequest = {
      username: username.trim(),
      display_name: name.trim(),
      roles: [...roles],
      authority: { max_tier: tier },
    };
    add.mutate(body);
  };

  if (add.data) {
    return (
      <Card title={`${add.data.display_name} may sign in`} asking>
        <p role="status">
          As <code>{add.data.username}</code> with the password <code>{add.data.password}</code>. It is shown this once;
          hand it over in a way that you trust.
        </p>
        <div className={styles.act}>
          <Button variant="default" onClick={onDone}>
            Done
          </Button>
        </div>
      </Card>
    );
  }
  return (
    <Card title="Add somebody">
      <form className={styles.form} onSubmit={submit}>
        <TextInput
          label="Name to sign in with"
          autoCapitalize="none"
          spellCheck={false}
          required
          withAsterisk={false}
          value={username}
          onChange={(event) => setUsername(event.currentTarget.value)}
        />
        <TextInput
          label="Name"
          required
          withAsterisk={false}
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        <NativeSelect
          label="May decide up to this consequence"
          data={[...TIERS]}
          value={tier}
          onChange={(event) => setTier(event.currentTarget.value as Authority["max_tier"])}
        />
        <fieldset className={styles.roles}>
          <legend>Roles</legend>
          {ROLES.map(({ role, label }) => (
            <Checkbox
              key={role}
              size="xs"
              label={label}
              checked={roles.includes(role)}
              onChange={({ currentTarget: { checked } }) =>
                setRoles(checked ? [...roles, role] : roles.filter((one) => one !== role))
              }
            />
          ))}
        </fieldset>
        <div className={styles.act}>
          <Button type="submit" loading={add.isPending} disabled={roles.length === 0}>
            Add
          </Button>
          <Button variant="default" onClick={onDone}>
            Not now
          </Button>
        </div>
        <Trouble error={add.error} />
      </form>
    </Card>
  );
}

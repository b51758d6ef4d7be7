import { Button, NativeSelect, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";

import type { ApiKeyCreated, User } from "../api/schema";
import type { Role } from "../session/roles";
import { listed } from "../team/rights";
import { ROLES } from "../team/roles";
import { Ticks } from "../team/Ticks";
import { Card } from "../ui/Card";
import { Trouble } from "../ui/Page";
import styles from "./ApiKeys.module.css";
import { useMakeKey } from "./useApiKeys";

const LASTS = [
  { value: "1", label: "a day" },
  { value: "7", label: "a week" },
  { value: "30", label: "30 days" },
  { value: "90", label: "90 days" },
  { value: "180", label: "180 days" },
  { value: "365", label: "a year" },
];

interface MakeKeyProps {
  readonly owners: readonly User[];
  readonly onMade: (key: ApiKeyCreated) => void;
  readonly onCancel: () => void;
}

/** What the key is for, whom it acts as, and how little is enough for it. */
export function MakeKey({ owners, onMade, onCancel }: MakeKeyProps) {
  const [name, setName] = useState("");
  const [username, setUsername] = useState("");
  const [ticked, tick] = useState<Role[]>([]);
  const [tenants, setTenants] = useState("*");
  const [days, setDays] = useState("90");
  const make = useMakeKey();
  const owner = owners.find((one) => one.username === username);
  const offered = ROLES.filter((role) => owner?.roles.includes(role.name));
  const roles = offered.map((role) => role.name).filter((role) => ticked.includes(role));

  const submit = (event: FormEvent) => {
    event.preventDefault();
    make.mutate(
      { name: name.trim(), username, roles, tenants: listed(tenants), expires_in_days: Number(days) },
      { onSuccess: onMade },
    );
  };

  return (
    <Card title="Make a key" asking>
      <form className={styles.form} onSubmit={submit}>
        <TextInput
          label="What it is for"
          placeholder="nightly import"
          autoFocus
          required
          withAsterisk={false}
          maxLength={100}
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        <NativeSelect
          label="Acts as"
          data={[
            { value: "", label: "" },
            ...owners
              .filter(({ disabled_at: gone, beyond_you: beyond }) => gone === null && !beyond)
              .map((one) => ({ value: one.username, label: `${one.display_name} (${one.username})` })),
          ]}
          value={username}
          onChange={(event) => setUsername(event.currentTarget.value)}
        />
        <NativeSelect
          label="In force for"
          data={LASTS}
          value={days}
          onChange={(event) => setDays(event.currentTarget.value)}
        />
        <TextInput
          label="Tenants, * for all of its owner"
          required
          withAsterisk={false}
          autoCapitalize="none"
          value={tenants}
          onChange={(event) => setTenants(event.currentTarget.value)}
        />
        {owner && <Ticks legend="Roles, of those that its owner has" all={offered} ticked={roles} onChange={tick} />}
        <div className={styles.act}>
          <Button type="submit" loading={make.isPending} disabled={!owner || roles.length === 0}>
            Make it
          </Button>
          <Button variant="default" onClick={onCancel}>
            Not now
          </Button>
          <span className={styles.hint}>{hint(owner !== undefined, roles.length)}</span>
        </div>
        <Trouble error={make.error} />
      </form>
    </Card>
  );
}

function hint(owned: boolean, roles: number): string {
  if (!owned) return "Choose whom it acts as.";
  return roles === 0 ? "Tick the roles that the program needs, and no more." : "";
}

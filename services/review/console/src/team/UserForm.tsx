import { Button, NativeSelect, TextInput } from "@mantine/core";
import { type FormEvent, type ReactNode, useState } from "react";

import type { Authority, Me, User } from "../api/schema";
import { Trouble } from "../ui/Page";
import { Limits } from "./Limits";
import { listed, type Rights } from "./rights";
import { ROLES } from "./roles";
import styles from "./Team.module.css";
import { Ticks } from "./Ticks";

const TIERS: readonly Authority["max_tier"][] = ["negligible", "low", "medium", "high", "critical"];

const NEW: Omit<Rights, "tenants"> = { display_name: "", roles: ["reviewer"], authority: { max_tier: "medium" } };

interface UserFormProps {
  readonly me: Me;
  readonly user: User | null;
  readonly verb: string;
  readonly pending: boolean;
  readonly error: unknown;
  /** Fields before these. */
  readonly children?: ReactNode;
  readonly onSubmit: (rights: Rights) => void;
  readonly onCancel: () => void;
}

export function UserForm({ me, user, verb, pending, error, children, onSubmit, onCancel }: UserFormProps) {
  const [rights, setRights] = useState<Rights>(user ?? { ...NEW, tenants: me.tenants });
  const [skills, setSkills] = useState((user?.authority.skills ?? []).join(", "));
  const [tenants, setTenants] = useState(rights.tenants.join(", "));
  const { authority, roles } = rights;
  const limit = authority.amount_limit;
  const change = (part: Partial<Rights>) => setRights({ ...rights, ...part });
  const allow = (part: Partial<Authority>) => change({ authority: { ...authority, ...part } });

  const submit = (event: FormEvent) => {
    event.preventDefault();
    const { display_name: name } = rights;
    onSubmit({
      display_name: name.trim(),
      roles,
      tenants: listed(tenants),
      authority: {
        ...authority,
        skills: listed(skills),
        amount_limit: limit?.value ? limit : null,
      },
    });
  };

  return (
    <form className={styles.form} onSubmit={submit}>
      {children}
      <TextInput
        label="Name"
        autoFocus={user !== null}
        required
        withAsterisk={false}
        value={rights.display_name}
        onChange={(event) => change({ display_name: event.currentTarget.value })}
      />
      <TextInput
        label={me.tenants.includes("*") ? "Tenants, * for all" : `Tenants, of yours: ${me.tenants.join(", ")}`}
        required
        withAsterisk={false}
        value={tenants}
        onChange={(event) => setTenants(event.currentTarget.value)}
      />
      <NativeSelect
        label="May decide up to this consequence"
        data={[...TIERS]}
        value={authority.max_tier}
        onChange={(event) => allow({ max_tier: event.currentTarget.value as Authority["max_tier"] })}
      />
      <TextInput
        label="Skills"
        placeholder="none"
        value={skills}
        onChange={(event) => setSkills(event.currentTarget.value)}
      />
      <TextInput
        label="Up to this amount"
        placeholder="no limit"
        inputMode="decimal"
        value={limit?.value ?? ""}
        onChange={(event) =>
          allow({ amount_limit: { currency: limit?.currency ?? "USD", value: event.currentTarget.value.trim() } })
        }
      />
      <TextInput
        label="Currency of it"
        disabled={!limit?.value}
        value={limit?.currency ?? "USD"}
        onChange={(event) =>
          allow({ amount_limit: { value: limit?.value ?? "", currency: event.currentTarget.value.toUpperCase() } })
        }
      />
      <Limits authority={authority} onChange={allow} />
      <Ticks legend="Roles" all={ROLES} ticked={roles} onChange={(next) => change({ roles: next })} />
      <div className={styles.act}>
        <Button type="submit" loading={pending} disabled={roles.length === 0}>
          {verb}
        </Button>
        <Button variant="default" onClick={onCancel}>
          Not now
        </Button>
      </div>
      <Trouble error={error} />
    </form>
  );
}

import { NativeSelect } from "@mantine/core";
import { useState } from "react";

import type { Me } from "../api/schema";
import { useTenants } from "../tenants/useTenants";
import { ALL } from "./scope";

interface TenantChoice {
  readonly tenant: string;
  readonly tenants: readonly string[];
  readonly choose: (tenant: string) => void;
}

/** Whose cases somebody may switch: all tenants' or one's where they act for all, else one of theirs. */
export function useTenantChoice(me: Me): TenantChoice {
  const [wanted, choose] = useState("");
  const seen = useTenants();
  const tenants = me.tenants.includes(ALL) ? [ALL, ...seen] : me.tenants;
  return { tenant: tenants.includes(wanted) ? wanted : (tenants[0] ?? ALL), tenants, choose };
}

/** Nothing where there is nothing to choose. */
export function TenantField({ tenant, tenants, choose }: TenantChoice) {
  if (tenants.length < 2) return null;
  return (
    <NativeSelect
      label="Of which tenant"
      data={tenants.map((one) => ({ value: one, label: one === ALL ? "all of them" : one }))}
      value={tenant}
      onChange={(event) => choose(event.currentTarget.value)}
    />
  );
}

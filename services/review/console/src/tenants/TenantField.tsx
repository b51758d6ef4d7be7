import { NativeSelect } from "@mantine/core";
import { useState } from "react";

import type { Me } from "../api/schema";
import { useAddressed } from "../ui/useAddressed";
import { EVERY, useTenants } from "./useTenants";

const DEFAULT = "default";

export interface TenantChoice {
  readonly tenant: string;
  readonly tenants: readonly string[];
  readonly choose: (tenant: string) => void;
}

/** Whose cases somebody may switch: all tenants' or one's where they act for all, else one of theirs. */
export function useScopeChoice(me: Me): TenantChoice {
  const seen = useTenants();
  return choiceOf(me.tenants.includes(EVERY) ? [EVERY, ...seen] : me.tenants, useState(""));
}

/** Whose figures somebody looks at: one tenant's of those they act for, the default one's first. It is in the address. */
export function useTenantChoice(me: Me): TenantChoice {
  const seen = useTenants();
  const known = seen.length > 0 ? seen : [DEFAULT];
  return choiceOf(me.tenants.includes(EVERY) ? known : me.tenants, useAddressed("tenant"));
}

type Choosing = readonly [wanted: string, choose: (tenant: string) => void];

function choiceOf(tenants: readonly string[], [wanted, choose]: Choosing): TenantChoice {
  const first = tenants.includes(DEFAULT) && !tenants.includes(EVERY) ? DEFAULT : (tenants[0] ?? DEFAULT);
  return { tenant: tenants.includes(wanted) ? wanted : first, tenants, choose };
}

/** Nothing where there is nothing to choose. */
export function TenantField({ tenant, tenants, choose }: TenantChoice) {
  if (tenants.length < 2) return null;
  return (
    <NativeSelect
      label="Of which tenant"
      data={tenants.map((one) => ({ value: one, label: one === EVERY ? "all of them" : one }))}
      value={tenant}
      onChange={(event) => choose(event.currentTarget.value)}
    />
  );
}

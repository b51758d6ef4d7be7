import type { Me } from "../api/schema";

export type Role = Me["roles"][number];

const DESK: readonly Role[] = ["reviewer", "lead"];
const READERS: readonly Role[] = [...DESK, "admin", "auditor", "operator", "analyst"];

type Holder = Pick<Me, "roles">;

export function hasRole(me: Holder, ...roles: readonly Role[]): boolean {
  return me.roles.some((role) => roles.includes(role));
}

/** May take cases and decide them. */
export function decides(me: Holder): boolean {
  return hasRole(me, ...DESK);
}

/** May look at cases. */
export function reads(me: Me): boolean {
  return hasRole(me, ...READERS);
}

/** May know what colleagues are called; everybody else reads pseudonyms. */
export function knowsNames(me: Holder): boolean {
  return hasRole(me, ...DESK, "admin");
}

/** Whether somebody acts for a tenant; who acts for `*` does for all of them. */
export function actsFor(me: Pick<Me, "tenants">, tenant: string): boolean {
  return me.tenants.includes("*") || me.tenants.includes(tenant);
}

/** May halt automation, and take part in turning it back on. */
export function switches(me: Me): boolean {
  return hasRole(me, "operator", "admin", "lead");
}

import type { Me } from "../api/schema";

type Role = Me["roles"][number];

const DESK: readonly Role[] = ["reviewer", "lead"];
const READERS: readonly Role[] = [...DESK, "admin", "auditor", "operator", "analyst"];

/** May take cases and decide them. */
export function decides(me: Me): boolean {
  return me.roles.some((role) => DESK.includes(role));
}

/** May look at cases. */
export function reads(me: Me): boolean {
  return me.roles.some((role) => READERS.includes(role));
}

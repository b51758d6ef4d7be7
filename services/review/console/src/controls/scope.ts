import type { Control, StopScope } from "../api/router";

export const ALL = "*";

export interface Place {
  readonly tenant: string;
  readonly decision_type: string;
}

/** What a switch holds, in words; `called` gives what people call a decision type. */
export function scopeWords({ tenant, decision_type: type }: Place, called: (type: string) => string): string {
  const what = type === ALL ? "everything" : called(type);
  return tenant === ALL ? what : `${what} of ${tenant}`;
}

/** The scope of a switch that is there, as requests name it. */
export function scopeOf({ tenant, decision_type: type }: Place): StopScope {
  const named = { tenant: tenant === ALL ? null : tenant, decision_type: type === ALL ? null : type };
  if (named.decision_type) return { scope: "decision_type", ...named };
  return named.tenant ? { scope: "tenant", ...named } : { scope: "all", ...named };
}

export function isStopped({ kind, state }: Control): boolean {
  return kind === "stop" && state["active"] === true;
}

/** Whether a stop that acts holds everything that another would hold. */
export function holds({ tenant, decision_type: type }: Place, wanted: Place): boolean {
  return (tenant === ALL || tenant === wanted.tenant) && (type === ALL || type === wanted.decision_type);
}

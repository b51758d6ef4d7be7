import type { Control, StopScope } from "../api/router";

const ALL = "*";

interface Place {
  readonly tenant: string;
  readonly decision_type: string;
}

/** What a switch holds, in words. */
export function scopeWords({ tenant, decision_type: type }: Place): string {
  const what = type === ALL ? "everything" : type.replaceAll("_", " ");
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

import type { CaseFilters } from "../api/schema";
import { isDay, startOfDay } from "../format/day";

export const STATES = ["human_review", "decided", "withdrawn", "archived"] as const;
export const TIERS = ["negligible", "low", "medium", "high", "critical"] as const;
export const LEVELS = ["1", "2", "3", "4", "5"] as const;
export const DECIDERS = ["person", "automation"] as const;

/** A search as the address names it: one word for each thing that is looked for. */
export interface Search {
  readonly q: string;
  readonly state: string;
  readonly tenant: string;
  readonly type: string;
  readonly by: string;
  readonly tier: string;
  readonly level: string;
  readonly outcome: string;
  readonly since: string;
  readonly until: string;
}

export const NAMES = ["q", "state", "tenant", "type", "by", "tier", "level", "outcome", "since", "until"] as const;

/** The search in an address; what is no day there can be neither shown nor looked for. */
export function searchOf(address: URLSearchParams): Search {
  const named = (name: string) => address.get(name) ?? "";
  const day = (name: string) => (isDay(named(name)) ? named(name) : "");
  const all = Object.fromEntries(NAMES.map((name) => [name, named(name)])) as unknown as Search;
  return { ...all, since: day("since"), until: day("until") };
}

export function addressOf(search: Search): URLSearchParams {
  return new URLSearchParams(NAMES.flatMap((name) => (search[name] ? [[name, search[name]]] : [])));
}

export function isEmpty(search: Search): boolean {
  return NAMES.every((name) => search[name] === "");
}

const oneOf = <Value extends string>(value: string, allowed: readonly Value[]): Value | null =>
  allowed.find((one) => one === value) ?? null;

const TENANT = /^[\w.-]{1,64}$/u;

/** What the server is asked for. Whatever somebody wrote into the address that is none of the choices is left out. */
export function filtersOf(search: Search): CaseFilters {
  const tier = oneOf(search.tier, TIERS);
  const level = oneOf(search.level, LEVELS);
  return {
    q: search.q.trim() || null,
    state: oneOf(search.state, STATES),
    tenant: TENANT.test(search.tenant) ? search.tenant : null,
    decision_type: search.type || null,
    decided_by: oneOf(search.by, DECIDERS),
    outcome: search.outcome || null,
    tier: tier ? [tier] : [],
    level: level ? [Number(level)] : [],
    since: startOfDay(search.since),
    // The day named is the last one that is looked at.
    until: startOfDay(search.until, 1),
  };
}

/** A kept search, as the page names it. What the page has no field for is not lost on the server, but not shown. */
export function searchFrom(filters: CaseFilters): Search {
  return {
    q: filters.q ?? filters.case_id ?? filters.subject ?? "",
    state: filters.state ?? "",
    tenant: filters.tenant ?? "",
    type: filters.decision_type ?? "",
    by: filters.decided_by ?? "",
    tier: filters.tier?.[0] ?? "",
    level: String(filters.level?.[0] ?? ""),
    outcome: filters.outcome ?? "",
    since: dayOf(filters.since),
    until: dayOf(filters.until, -1),
  };
}

function dayOf(moment: string | null | undefined, daysOn = 0): string {
  if (!moment) return "";
  const date = new Date(moment);
  date.setDate(date.getDate() + daysOn);
  const two = (value: number) => String(value).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

import type { Authority } from "../api/schema";
import type { Role } from "../session/roles";

/** What somebody is called and may do. */
export interface Rights {
  readonly display_name: string;
  readonly roles: Role[];
  readonly tenants: string[];
  readonly authority: Authority;
}

/** The words of a list, as it is typed. */
export function listed(text: string): string[] {
  return text
    .split(",")
    .map((word) => word.trim())
    .filter(Boolean);
}

/** A list that limits; without a name it limits nothing. Where nothing was allowed `before`, saving loosens nothing. */
export function limitedTo(names: readonly string[], before?: readonly string[] | null): string[] | null {
  if (names.length > 0) return [...names];
  return before?.length === 0 ? [] : null;
}

/** How far somebody's decisions reach, in a line. `label` names a decision type. */
export function authorityWords(authority: Authority, label: (type: string) => string): string {
  const { decision_types: types, max_tier: tier, amount_limit: limit, skills, languages, delegates } = authority;
  const trained = authority.training_valid_until;
  const parts = [
    types ? types.map(label).join(", ") || "no kind of decision" : "everything",
    `up to ${tier} consequence`,
    ...(limit ? [`up to ${limit.currency} ${limit.value}`] : []),
    ...(skills && skills.length > 0 ? [`skills: ${skills.join(", ")}`] : []),
    ...(languages ? [`languages: ${languages.join(", ") || "none"}`] : []),
    ...(trained ? [`trained until ${trained}`] : []),
    ...(delegates ? [`hands work to ${delegates.join(", ") || "nobody"}`] : []),
  ];
  return parts.join("; ");
}

/** Whose cases somebody sees, or a key reaches; of tenants that are not the reader's own it is only said that there are. */
export function tenantWords({ tenants, beyond_you: beyond }: { tenants: string[]; beyond_you: boolean }): string {
  const named = tenants.join(", ");
  return beyond ? `${named} and others` : `only ${named}`;
}

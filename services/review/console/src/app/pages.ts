import type { Me } from "../api/schema";
import { decides, hasRole, reads, type Role } from "../session/roles";

export interface Page {
  readonly href: string;
  readonly label: string;
  /** Who it leads somewhere for; everybody else does not see it. */
  readonly opens: (me: Me) => boolean;
}

const anyOf =
  (...roles: readonly Role[]) =>
  (me: Me): boolean =>
    hasRole(me, ...roles);

/** Reviewers are left out on purpose: figures and policies would colour what they answer unseen. */
const looksAtPolicies = anyOf("analyst", "lead", "operator", "auditor", "policy_author", "policy_approver", "admin");

export const PAGES: readonly Page[] = [
  { href: "/", label: "Review", opens: decides },
  { href: "/cases", label: "Cases", opens: reads },
  { href: "/policies", label: "Policies", opens: looksAtPolicies },
  { href: "/insight", label: "Insight", opens: looksAtPolicies },
  { href: "/controls", label: "Controls", opens: looksAtPolicies },
  { href: "/audit", label: "Audit", opens: anyOf("admin", "auditor") },
  { href: "/team", label: "Team", opens: anyOf("admin") },
  { href: "/keys", label: "API keys", opens: anyOf("admin") },
];

export function pagesFor(me: Me): readonly Page[] {
  return PAGES.filter(({ opens }) => opens(me));
}

/** Whether an address belongs to a page. */
export function isOn(page: Page, location: string): boolean {
  return page.href === "/" ? location === "/" : location === page.href || location.startsWith(`${page.href}/`);
}

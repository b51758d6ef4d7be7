import type { Role } from "../session/roles";

/** Every role, by what it lets somebody do. */
export const ROLES: readonly { readonly name: Role; readonly label: string }[] = [
  { name: "reviewer", label: "Reviewer: decides cases" },
  { name: "lead", label: "Lead: decides, looks at figures and the record, stops automation" },
  { name: "policy_author", label: "Policy author: writes policies" },
  { name: "policy_approver", label: "Policy approver: approves what others wrote" },
  { name: "operator", label: "Operator: stops automation" },
  { name: "analyst", label: "Analyst: looks at figures" },
  { name: "auditor", label: "Auditor: reads the record" },
  { name: "submitter", label: "Submitter: brings cases in" },
  { name: "admin", label: "Administrator: adds and disables people" },
];

import type { ContextPackage } from "../../api/schema";

export type Category = "ai_error" | "edge_case" | "policy_change" | "human_error" | "none";
export type Terms = Readonly<Record<string, unknown>>;

/** What a reviewer has put down about a case so far. */
export interface Draft {
  readonly codes: readonly string[];
  readonly otherText: string;
  readonly note: string;
  readonly category: Category;
  readonly principal: readonly string[];
  /** Terms that were edited, by outcome. */
  readonly terms: Readonly<Record<string, Terms>>;
}

export const EMPTY_DRAFT: Draft = { codes: [], otherText: "", note: "", category: "none", principal: [], terms: {} };

/** Takes back what was kept. Whatever is not (or no longer) a part of a draft is left out, part by part. */
export function readDraft(kept: unknown): Partial<Draft> {
  if (typeof kept !== "object" || kept === null) return {};
  return Object.fromEntries(
    Object.entries(kept).filter(([part, value]) => {
      const empty: unknown = (EMPTY_DRAFT as unknown as Record<string, unknown>)[part];
      if (Array.isArray(empty)) return Array.isArray(value) && value.every((one) => typeof one === "string");
      return typeof value === typeof empty && value !== null && !Array.isArray(value);
    }),
  );
}

/** The parts of a draft that are not the same in another one. */
export function without(parts: Partial<Draft>, same: Partial<Draft>): Partial<Draft> {
  const others = same as Record<string, unknown>;
  return Object.fromEntries(
    Object.entries(parts).filter(([part, value]) => JSON.stringify(value) !== JSON.stringify(others[part])),
  );
}

// The affected person is told these; the contract allows four.
export const MOST_PRINCIPAL_REASONS = 4;
export const OTHER = "other";

export type Part = "terms" | "principal" | "reasons" | "words";

export interface Missing {
  readonly part: Part;
  readonly text: string;
}

/** A choice on its way: the outcome, and whether its terms are being edited. */
export interface Intent {
  readonly outcome: string;
  readonly editing: boolean;
}

/** Whether a choice departs from the proposal, as far as the reviewer was allowed to see one. */
export function departs(context: ContextPackage, outcome: string): boolean {
  const { recommendation } = context;
  return recommendation !== null && recommendation.outcome !== outcome;
}

function relation(context: ContextPackage, outcome: string, edited: boolean): string | null {
  if (!context.recommendation) return null;
  if (departs(context, outcome)) return "overrode";
  return edited ? "modified" : "agreed";
}

/** Policies speak of the act, events of the relation; both words name the same thing. */
const ACTS: Readonly<Record<string, string>> = { override: "overrode", modify: "modified" };

/** What must still be said before the outcome can be recorded, in the order in which the page asks for it. */
export function missing(
  context: ContextPackage,
  intent: Intent,
  draft: Draft,
  termFaults: readonly string[],
): Missing[] {
  const { actions } = context;
  const outcome = actions.outcomes.find((choice) => choice.outcome === intent.outcome);
  const found: Missing[] = termFaults.map((text) => ({ part: "terms", text }));
  if (outcome?.adverse && draft.principal.length === 0) {
    found.push({ part: "principal", text: "one to four principal reasons" });
  }
  const reason = missingReason(context, intent, draft);
  if (reason) found.push({ part: "reasons", text: reason });
  if (draft.codes.includes(OTHER) && draft.otherText.trim() === "") {
    found.push({ part: "words", text: "the other reason, in words" });
  }
  return found;
}

function missingReason(context: ContextPackage, intent: Intent, draft: Draft): string | null {
  const said = draft.codes.length > 0 || draft.note.trim() !== "";
  // What is asked for while the proposal is withheld must not depend on it: the question would tell the answer.
  if (context.withheld) return said ? null : "a reason or a note";
  const how = relation(context, intent.outcome, draft.terms[intent.outcome] !== undefined);
  if (how === "overrode") return draft.codes.length > 0 ? null : "a reason, because this differs from the proposal";
  const documented = context.actions.must_document.some(
    (what) => what === intent.outcome || (ACTS[what] ?? what) === how,
  );
  return documented && !said ? "a reason or a note, because the policy wants this documented" : null;
}

/**
 * Whether the answer would carry something written earlier that is not on the screen: terms, principal reasons, the kind
 * of difference. It is shown first then; what nobody looks at is not sent. `shown` is the choice being completed.
 */
export function unseen(context: ContextPackage, shown: Intent | null, outcome: string, draft: Draft): boolean {
  const same = shown?.outcome === outcome;
  const adverse = context.actions.outcomes.some((choice) => choice.outcome === outcome && choice.adverse);
  return (
    (draft.terms[outcome] !== undefined && !(same && shown.editing)) ||
    (adverse && draft.principal.length > 0 && !same) ||
    (departs(context, outcome) && draft.category !== EMPTY_DRAFT.category && !same)
  );
}

/** Adds what is not there and takes away what is. Beyond `most` nothing is added. */
export function toggle(codes: readonly string[], code: string, most = Number.POSITIVE_INFINITY): readonly string[] {
  if (codes.includes(code)) return codes.filter((other) => other !== code);
  return codes.length < most ? [...codes, code] : codes;
}

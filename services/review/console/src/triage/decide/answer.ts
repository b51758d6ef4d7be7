import type { Claim, ContextPackage, DecisionRequest } from "../../api/schema";
import type { Attended } from "../desk/attention";
import { type Draft, type Intent, OTHER, type Terms } from "./draft";
import { initialTerms, type ParamsSchema, withoutBlanks } from "./terms";

/** The parameter schema of an outcome, null when it takes no terms. */
export function schemaOf(context: ContextPackage, outcome: string): ParamsSchema {
  return context.actions.outcomes.find((choice) => choice.outcome === outcome)?.params_schema ?? null;
}

/** The terms an outcome would be decided with: the edited ones, else where they start. */
export function termsFor(context: ContextPackage, outcome: string, draft: Draft): Terms {
  const schema = schemaOf(context, outcome);
  if (!schema) return {};
  return withoutBlanks(draft.terms[outcome] ?? initialTerms(outcome, schema, context.recommendation));
}

/** The digest given in advance for a plain outcome, or null when it must be asked for. */
export function digestInAdvance(claim: Claim, outcome: string, terms: Terms): string | null {
  if (Object.keys(terms).length > 0) return null;
  return claim.execute_sha256_by_outcome[outcome] ?? null;
}

/** What the reviewer had before them until they answered. */
export interface Seen {
  /** Digests of every view that was shown. */
  readonly shown: readonly string[];
  readonly attention: Attended | null;
}

/** The request that records the decision, bound to what was shown and to what will be carried out. */
export function decisionRequest(
  claim: Claim,
  { shown, attention }: Seen,
  { outcome }: Intent,
  draft: Draft,
  terms: Terms,
  executeSha256: string,
): DecisionRequest {
  const adverse = claim.context.actions.outcomes.some((choice) => choice.outcome === outcome && choice.adverse);
  return {
    outcome,
    outcome_params: { ...terms },
    reason: {
      codes: [...draft.codes],
      other_text: draft.codes.includes(OTHER) ? draft.otherText.trim() : null,
      note: draft.note.trim() || null,
      category: draft.category,
    },
    tags: [],
    principal_reasons: adverse ? [...draft.principal] : [],
    binding: {
      payload_sha256: claim.payload_sha256,
      shown_sha256: [...shown],
      execute_sha256: executeSha256,
    },
    attention,
  };
}

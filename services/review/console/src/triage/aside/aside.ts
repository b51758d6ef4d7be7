import { answerOf, api } from "../../api/client";
import type { CommandName } from "../../keys/commands";

/** Something else than a decision that ends one's hold on a case, and the words it takes. */
export interface Aside {
  readonly action: string;
  readonly label: string;
  readonly title: string;
  readonly placeholder: string;
  readonly command: CommandName | null;
  /** Whom it can be given to: a colleague must be named, or may be. */
  readonly to: "nobody" | "perhaps" | "somebody";
  readonly done: string;
  /** As in "the case was not ...". */
  readonly failed: string;
}

export const ASIDES: readonly Aside[] = [
  {
    action: "information",
    label: "Ask",
    title: "Ask for information",
    placeholder: "What do you need to know? The case comes back to you with the answer.",
    command: "ask",
    to: "nobody",
    done: "asked; the case comes back with the answer",
    failed: "asked about",
  },
  {
    action: "escalate",
    label: "Escalate",
    title: "Escalate",
    placeholder: "Why somebody with more authority should decide",
    command: "escalate",
    to: "perhaps",
    done: "escalated",
    failed: "escalated",
  },
  {
    action: "recuse",
    label: "Recuse",
    title: "Recuse yourself",
    placeholder: "Why it should not be you; the case is never offered to you again",
    command: "recuse",
    to: "nobody",
    done: "given up for good",
    failed: "given up",
  },
  {
    action: "delegate",
    label: "Hand over",
    title: "Hand over to a colleague",
    placeholder: "Why, if you want to say it",
    command: null,
    to: "somebody",
    done: "handed over",
    failed: "handed over",
  },
  {
    action: "block",
    label: "Hold",
    title: "Hold without an outcome",
    placeholder: "Why nobody should decide it now",
    command: null,
    to: "nobody",
    done: "on hold",
    failed: "put on hold",
  },
  {
    action: "return",
    label: "Return",
    title: "Return to whoever sent it",
    placeholder: "Why it cannot be decided here",
    command: null,
    to: "nobody",
    done: "returned",
    failed: "returned",
  },
];

interface Words {
  readonly words: string;
  /** A username; empty for whoever may. */
  readonly to: string;
}

/** Sends it; resolves when the server has done it. */
export async function sendAside(action: string, claimId: string, key: string, { words, to }: Words): Promise<void> {
  const params = { path: { claim_id: claimId }, header: { "Idempotency-Key": key } };
  switch (action) {
    case "information":
      await answerOf(api.POST("/api/review/v1/claims/{claim_id}/information", { params, body: { question: words } }));
      return;
    case "escalate":
      await answerOf(
        api.POST("/api/review/v1/claims/{claim_id}/escalate", { params, body: { reason: words, to: to || null } }),
      );
      return;
    case "delegate":
      await answerOf(
        api.POST("/api/review/v1/claims/{claim_id}/delegate", { params, body: { to, reason: words || null } }),
      );
      return;
    case "recuse":
      await answerOf(api.POST("/api/review/v1/claims/{claim_id}/recuse", { params, body: { reason: words } }));
      return;
    case "block":
      await answerOf(api.POST("/api/review/v1/claims/{claim_id}/block", { params, body: { reason: words } }));
      return;
    case "return":
      await answerOf(api.POST("/api/review/v1/claims/{claim_id}/return", { params, body: { reason: words } }));
      return;
    default:
      throw new Error(`${action} is not known here; reload the page.`);
  }
}

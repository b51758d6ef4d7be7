import { useQueryClient } from "@tanstack/react-query";
import { useRef, useState } from "react";

import type { Claim } from "../../api/schema";
import { useLedger } from "../../ledger/LedgerProvider";
import { sendDecision } from "../desk/claims";
import type { Hold } from "../desk/hold";
import { decisionRequest, digestInAdvance, schemaOf, type Seen, termsFor } from "./answer";
import { type Draft, type Intent, type Missing, missing, unseen } from "./draft";
import { previewQuery, usePreparedPreviews } from "./Preview";
import { initialTerms, termProblems } from "./terms";
import { useDraft } from "./useDraft";
import { useSettled } from "./useSettled";

export interface Decision {
  readonly draft: Draft;
  readonly change: (part: Partial<Draft>) => void;
  /** Where the draft is kept, in words. */
  readonly kept: string | null;
  /** The outcome being completed, null while nothing is chosen. */
  readonly intent: Intent | null;
  /** What is still needed for it. */
  readonly needed: readonly Missing[];
  /** Counts attempts that something was missing for: each one moves the focus to the first gap. */
  readonly attempts: number;
  /** Whether a press can mean this case by now; sooner nothing is chosen. */
  readonly settled: boolean;
  readonly choose: (outcome: string) => void;
  readonly edit: (outcome: string) => void;
  readonly confirm: () => void;
  readonly cancel: () => void;
}

interface Answering {
  readonly hold: Hold;
  readonly claim: Claim;
  readonly onLeft: () => void;
  /** The answer given unseen is kept; the case now shows what was withheld. */
  readonly onRevealed: () => void;
}

/** One reviewer's answer to one case, from the first reason to the request that records it. */
export function useDecision({ hold, claim, onLeft, onRevealed }: Answering): Decision {
  const { context } = claim;
  const ledger = useLedger();
  const queries = useQueryClient();
  const { draft, change, kept, answering } = useDraft(claim);
  const [intent, setIntent] = useState<Intent | null>(null);
  const [attempts, setAttempts] = useState(0);
  const recording = useRef(false);

  const settled = useSettled(`${claim.claim_id} ${claim.shown_sha256}`);
  usePreparedPreviews(claim);

  const gaps = (wanted: Intent) =>
    missing(
      context,
      wanted,
      draft,
      termProblems(schemaOf(context, wanted.outcome), termsFor(context, wanted.outcome, draft)),
    );

  const digest = async (outcome: string): Promise<string> => {
    const terms = termsFor(context, outcome, draft);
    const known = digestInAdvance(claim, outcome, terms);
    if (known) return known;
    return (await queries.fetchQuery(previewQuery(claim, outcome, terms))).execute_sha256;
  };

  const send = async (wanted: Intent, seen: Seen, key: string) => {
    const terms = termsFor(context, wanted.outcome, draft);
    const body = decisionRequest(claim, seen, wanted, draft, terms, await digest(wanted.outcome));
    return hold.finish((version) => sendDecision(claim.claim_id, version, key, body));
  };

  const record = async (wanted: Intent) => {
    // A second press must not make a second decision.
    if (recording.current) return;
    recording.current = true;
    const seen = { shown: hold.shown, attention: hold.attention?.read() ?? null };
    const key = crypto.randomUUID();
    const sending = ledger.submit(subjectOf(claim, wanted), () => send(wanted, seen, key));
    // A refused decision is completed and one that was taken back is mended; neither is typed again.
    answering(true);
    // What is shown after the answer depends on it; every other case makes room for the next one at once.
    if (!context.withheld) onLeft();
    const answer = await sending;
    if (!context.withheld) return;
    recording.current = false;
    answering(false);
    if (answer?.state === "revealed") onRevealed();
    else if (answer) onLeft();
    setIntent(null);
  };

  const attempt = (wanted: Intent) => {
    const found = gaps(wanted);
    // An answer that was given unseen is confirmed by the same key; all others are on the screen before they are sent.
    const confirms = claim.asks === "confirmation" && claim.blind_answer?.outcome === wanted.outcome;
    const hidden = !confirms && unseen(context, intent, wanted.outcome, draft);
    const written = draft.terms[wanted.outcome] !== undefined && !confirms;
    const editing = wanted.editing || written || found.some(({ part }) => part === "terms");
    setIntent({ ...wanted, editing });
    if (found.length > 0 || hidden) setAttempts((count) => count + 1);
    else void record(wanted);
  };

  return {
    draft,
    change,
    kept,
    intent,
    needed: intent ? gaps(intent) : [],
    attempts,
    settled,
    choose: (outcome) => settled && attempt({ outcome, editing: intent?.outcome === outcome && intent.editing }),
    edit: (outcome) => {
      const schema = schemaOf(context, outcome);
      if (!draft.terms[outcome])
        change({ terms: { ...draft.terms, [outcome]: initialTerms(outcome, schema, context.recommendation) } });
      setIntent({ outcome, editing: true });
      setAttempts((count) => count + 1);
    },
    confirm: () => intent && attempt(intent),
    cancel: () => {
      setIntent(null);
    },
  };
}

function subjectOf(claim: Claim, { outcome }: Intent) {
  const { decision_required: question, actions } = claim.context;
  return {
    claimId: claim.claim_id,
    reviewId: claim.review_id,
    queue: claim.queue,
    tenant: question.tenant,
    caseId: question.case_id,
    title: question.headline,
    outcomeLabel: actions.outcomes.find((choice) => choice.outcome === outcome)?.label ?? outcome,
  };
}

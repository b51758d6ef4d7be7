import { useQueries } from "@tanstack/react-query";
import { createContext, type ReactNode, use, useCallback, useEffect, useMemo, useReducer } from "react";

import { answerOf, api } from "../api/client";
import { explain, Refused } from "../api/problem";
import { serverNow } from "../api/serverClock";
import type { DecisionRecorded } from "../api/schema";
import { useMe } from "../session/useSession";
import { keepUnsaved } from "../triage/decide/draftStore";
import { useLeaveGuard } from "../ui/useLeaveGuard";
import { type Entry, isAnswered, ofPerson, type Progress, reduceLedger, type Subject, unanswered } from "./ledger";
import { untilAnswered } from "./record";

interface Ledger {
  readonly entries: readonly Entry[];
  /** Sends a decision until it is answered; null when it was refused. `send` must carry one idempotency key throughout. */
  readonly submit: (subject: Subject, send: () => Promise<DecisionRecorded>) => Promise<DecisionRecorded | null>;
  /** Takes a recorded decision back; true when the server confirmed it. */
  readonly undo: (entry: Entry) => Promise<boolean>;
  readonly dismiss: (entry: Entry) => void;
}

const LedgerContext = createContext<Ledger | null>(null);
const SESSION_OVER =
  "Your session had ended before it arrived. What you wrote is kept: look at it again, then record it.";
const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

export function LedgerProvider({ children }: { children: ReactNode }) {
  const [everybodys, dispatch] = useReducer(reduceLedger, []);
  const person = useMe().data?.username;
  const entries = useMemo(() => ofPerson(everybodys, person), [everybodys, person]);
  const progress = useCallback(
    (id: string, next: Progress) => dispatch({ type: "progressed", id, progress: next }),
    [],
  );

  const submit = useCallback(
    async (subject: Subject, send: () => Promise<DecisionRecorded>) => {
      const id = crypto.randomUUID();
      dispatch({ type: "submitted", id, person: person ?? "", subject });
      try {
        const decision = await untilAnswered({
          send,
          wait: pause,
          onSilence: () => progress(id, { phase: "sending", waitingForServer: true }),
        });
        progress(
          id,
          decision.state === "revealed"
            ? { phase: "kept" }
            : { phase: "recorded", decisionId: decision.decision_id, leavesAt: decision.leaves_at },
        );
        return decision;
      } catch (error) {
        progress(id, { phase: "refused", why: whyRefused(error) });
        return null;
      }
    },
    [progress, person],
  );

  const undo = useCallback(
    async ({ id, progress: before }: Entry) => {
      if (before.phase !== "recorded") return false;
      progress(id, { ...before, phase: "undoing" });
      try {
        await answerOf(
          api.POST("/api/review/v1/decisions/{decision_id}/undo", {
            params: { path: { decision_id: before.decisionId } },
          }),
        );
        progress(id, { phase: "undone" });
        return true;
      } catch (error) {
        // Whatever the reason, the decision stands; the poll below tells how far it has got.
        progress(id, { ...before, stands: explain(error) });
        return false;
      }
    },
    [progress],
  );

  const dismiss = useCallback((entry: Entry) => dispatch({ type: "dismissed", id: entry.id }), []);
  useFollowed(entries, progress);
  useLeaveGuard(unanswered(everybodys) > 0);

  const value = useMemo(() => ({ entries, submit, undo, dismiss }), [entries, submit, undo, dismiss]);
  return <LedgerContext value={value}>{children}</LedgerContext>;
}

function whyRefused(error: unknown): string {
  return error instanceof Refused && error.status === 401 ? SESSION_OVER : explain(error);
}

export function useLedger(): Ledger {
  const ledger = use(LedgerContext);
  if (!ledger) throw new Error("useLedger needs a LedgerProvider above it");
  return ledger;
}

/** The reviews answered from this page: the queue need not show them until its next reading. */
export function useAnswered(): ReadonlySet<string> {
  const { entries } = useLedger();
  return useMemo(() => new Set(entries.filter(isAnswered).map(({ subject }) => subject.reviewId)), [entries]);
}

/** Asks about every recorded decision, from the moment it may leave until the server says it left. */
function useFollowed(entries: readonly Entry[], progress: (id: string, next: Progress) => void): void {
  const followed = entries.flatMap(({ id, subject, progress: now }) =>
    now.phase === "recorded" ? [{ id, reviewId: subject.reviewId, ...now }] : [],
  );
  const answers = useQueries({
    queries: followed.map(({ decisionId, leavesAt }) => ({
      queryKey: ["decision", decisionId],
      queryFn: () =>
        answerOf(api.GET("/api/review/v1/decisions/{decision_id}", { params: { path: { decision_id: decisionId } } })),
      refetchInterval: () => Math.max(1_000, Date.parse(leavesAt) - serverNow()),
      refetchIntervalInBackground: true,
      gcTime: 0,
    })),
  });
  const sent = followed.filter((_, index) => answers[index]?.data?.state === "sent");
  const sentIds = sent.map(({ id }) => id).join(" ");
  useEffect(() => {
    for (const { id, reviewId, decisionId, stands } of sent) {
      progress(id, { phase: "sent", decisionId, stands });
      // Nobody can take it back any more, so nobody needs its reasons again.
      keepUnsaved(reviewId, {});
    }
    // The ids say it all; the objects are new at every render.
  }, [sentIds]);
}

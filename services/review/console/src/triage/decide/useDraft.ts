import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useEffectEvent, useMemo, useRef, useState } from "react";

import { answerOf, api } from "../../api/client";
import { explain, NoAnswer } from "../../api/problem";
import type { Claim } from "../../api/schema";
import { type Draft, EMPTY_DRAFT, readDraft, without } from "./draft";
import { keepUnsaved, loadUnsaved } from "./draftStore";

// Long enough that a word is typed to its end, short enough that a closed lid costs no sentence.
const SETTLED_MS = 700;
const RETRY_MS = 3_000;

export interface KeptDraft {
  readonly draft: Draft;
  readonly change: (part: Partial<Draft>) => void;
  /** Where it is kept, in words; null while nothing was put down. */
  readonly kept: string | null;
  /** While an answer is on its way nothing is saved, and this tab keeps the draft for an undo or a refusal. */
  readonly answering: (on: boolean) => void;
}

/** What a reviewer has put down about a case: on the server as soon as they pause, in this tab until then. */
export function useDraft({ claim_id: claimId, review_id: reviewId }: Claim): KeptDraft {
  const queries = useQueryClient();
  const queryKey = ["draft", claimId];
  const stored = useQuery({
    queryKey,
    queryFn: async () =>
      readDraft(
        (await answerOf(api.GET("/api/review/v1/claims/{claim_id}/draft", { params: { path: { claim_id: claimId } } })))
          .draft,
      ),
  });
  const [unsaved, setUnsaved] = useState(() => loadUnsaved(reviewId));
  const answered = useRef(false);
  const draft = useMemo(() => ({ ...EMPTY_DRAFT, ...stored.data, ...unsaved }), [stored.data, unsaved]);
  const pending = Object.keys(unsaved).length > 0;

  const save = useMutation({
    // One after the other, also beyond this page: what was typed last is what stays.
    scope: { id: `draft ${reviewId}` },
    mutationFn: async (whole: Draft) => {
      if (answered.current) return;
      await answerOf(
        api.PUT("/api/review/v1/claims/{claim_id}/draft", {
          params: { path: { claim_id: claimId } },
          body: { draft: { ...whole } },
          keepalive: true,
        }),
      );
    },
    retry: (_, error) => error instanceof NoAnswer && !answered.current,
    retryDelay: RETRY_MS,
    onSuccess: async (_, whole) => {
      if (answered.current) return;
      // An answer that is older than what was just saved must not come after it.
      await queries.cancelQueries({ queryKey });
      queries.setQueryData(queryKey, whole);
      const left = without(loadUnsaved(reviewId), whole);
      keepUnsaved(reviewId, left);
      setUnsaved(left);
    },
  });

  // Before it is known what the server has, saving might overwrite it.
  const ready = pending && stored.isSuccess;
  const send = useEffectEvent(() => {
    if (ready && !answered.current) save.mutate(draft);
  });
  useEffect(() => {
    if (!ready) return undefined;
    const timer = setTimeout(() => send(), SETTLED_MS);
    return () => clearTimeout(timer);
  }, [ready, unsaved]);
  useEffect(() => {
    const leave = () => send();
    window.addEventListener("pagehide", leave);
    return () => {
      window.removeEventListener("pagehide", leave);
      leave();
    };
  }, []);

  const change = (part: Partial<Draft>) => {
    const next = { ...unsaved, ...part };
    keepUnsaved(reviewId, next);
    setUnsaved(next);
  };
  const answering = (on: boolean) => {
    answered.current = on;
    if (on) keepUnsaved(reviewId, without(draft, EMPTY_DRAFT));
  };
  return { draft, change, kept: where(draft, pending, save.failureReason), answering };
}

function where(draft: Draft, pending: boolean, trouble: Error | null): string | null {
  if (Object.keys(without(draft, EMPTY_DRAFT)).length === 0) return null;
  if (!pending) return "Draft kept; it is there on every device of yours.";
  return trouble ? `Draft kept in this tab only. ${explain(trouble)}` : "Draft in this tab...";
}

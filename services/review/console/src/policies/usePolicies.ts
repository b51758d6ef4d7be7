import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { answerOf, api } from "../api/client";
import { fetchPieces } from "../api/pieces";
import type { DraftEntry, ReplayReport } from "../api/router";
import { POLL_MS } from "../app/queryClient";
import { useStep } from "../ui/useStep";
import { readReplay } from "./replay";

const POLICIES = ["policies"];
const MATRIX_HOURS = 24 * 7;
const MOST = 200;
// Enough to see what is rare, and done within the minute.
const REPLAYED = "last:20000";

export function usePolicies() {
  return useQuery({
    queryKey: [...POLICIES, "versions"],
    queryFn: () => answerOf(api.GET("/api/router/v1/policies", { params: { query: { limit: MOST } } })),
    select: ({ items }) => items,
    refetchInterval: POLL_MS,
  });
}

/** A published version never changes. */
export function usePolicy(sha256: string | null) {
  return useQuery({
    queryKey: [...POLICIES, "version", sha256],
    queryFn: () =>
      answerOf(api.GET("/api/router/v1/policies/{sha256}", { params: { path: { sha256: sha256 ?? "" } } })),
    enabled: sha256 !== null,
    staleTime: Number.POSITIVE_INFINITY,
  });
}

/** `tenant` null: all of them together. */
export function useMatrix(decisionType: string, tenant: string | null) {
  return useQuery({
    queryKey: [...POLICIES, "matrix", decisionType, tenant],
    queryFn: () =>
      answerOf(
        api.GET("/api/router/v1/matrix", {
          params: { query: { decision_type: decisionType, tenant, hours: MATRIX_HOURS } },
        }),
      ),
    refetchInterval: POLL_MS * 4,
  });
}

/** Audited errors per cell, from feedback; the page does without them where feedback is away. */
export function useAuditedCells(decisionType: string, tenant: string | null) {
  return useQuery({
    queryKey: [...POLICIES, "audited", decisionType, tenant],
    meta: { names: "audited errors of the cells" },
    queryFn: () =>
      answerOf(api.GET("/api/feedback/v1/summary", { params: { query: { decision_type: decisionType, tenant } } })),
    select: (summary) => summary.decision_types.find((type) => type.decision_type === decisionType)?.cells ?? [],
    refetchInterval: POLL_MS * 8,
  });
}

export function useDrafts() {
  return useQuery({
    queryKey: [...POLICIES, "drafts"],
    queryFn: () =>
      answerOf(api.GET("/api/router/v1/policies/drafts", { params: { query: { state: "open", limit: MOST } } })),
    select: ({ items }) => items,
    refetchInterval: POLL_MS,
  });
}

export function useDraftText(draftId: string | null) {
  return useQuery({
    queryKey: [...POLICIES, "draft", draftId],
    queryFn: () =>
      answerOf(api.GET("/api/router/v1/policies/drafts/{draft_id}", { params: { path: { draft_id: draftId ?? "" } } })),
    enabled: draftId !== null,
  });
}

/** What a text does differently from the version in force, in words. */
export function useDifferences(before: string | null, after: string) {
  return useQuery({
    queryKey: [...POLICIES, "diff", before, after],
    queryFn: () =>
      answerOf(api.GET("/api/router/v1/policies/diff", { params: { query: { before: before ?? "", after } } })),
    enabled: before !== null && before !== after,
    staleTime: Number.POSITIVE_INFINITY,
  });
}

const usePolicyStep = <Wish, Answer>(send: (wish: Wish, key: string) => Promise<Answer>) => useStep(POLICIES, send);

const bound = (draft: DraftEntry, key: string) => ({
  path: { draft_id: draft.draft_id },
  header: { "If-Match": `"${draft.sha256}"`, "Idempotency-Key": key },
});

export function useTestDraft() {
  return usePolicyStep((draft: DraftEntry, key) =>
    answerOf(api.POST("/api/router/v1/policies/drafts/{draft_id}/test", { params: bound(draft, key) })),
  );
}

interface WithWords {
  readonly draft: DraftEntry;
  readonly words: string;
}

export function useApproveDraft() {
  return usePolicyStep(({ draft, words }: WithWords, key) =>
    answerOf(
      api.POST("/api/router/v1/policies/drafts/{draft_id}/approve", {
        params: bound(draft, key),
        body: { comment: words || null },
      }),
    ),
  );
}

export function usePublishDraft() {
  return usePolicyStep(({ draft, words }: WithWords, key) =>
    answerOf(
      api.POST("/api/router/v1/policies/drafts/{draft_id}/publish", {
        params: bound(draft, key),
        body: { reason: words },
      }),
    ),
  );
}

interface Text {
  /** Null for a draft that is to be begun. */
  readonly draft: DraftEntry | null;
  readonly yaml: string;
  readonly reason: string;
}

/** Saves a draft, or begins one; `onKept` is called as soon as the server has it, before anything is read anew. */
export function useSaveDraft(onKept: () => void) {
  return usePolicyStep(async ({ draft, yaml, reason }: Text, key) => {
    const kept = draft
      ? await answerOf(
          api.PUT("/api/router/v1/policies/drafts/{draft_id}", {
            params: bound(draft, key),
            body: { yaml, reason: reason || null },
          }),
        )
      : await answerOf(
          api.POST("/api/router/v1/policies/drafts", {
            params: { header: { "Idempotency-Key": key } },
            body: { yaml, reason },
          }),
        );
    onKept();
    return kept;
  });
}

export function useRollBack() {
  return usePolicyStep(({ sha256, reason }: { readonly sha256: string; readonly reason: string }, key) =>
    answerOf(
      api.POST("/api/router/v1/policies/{sha256}/roll-back", {
        params: { path: { sha256 }, header: { "Idempotency-Key": key } },
        body: { reason },
      }),
    ),
  );
}

export function useValidation(yaml: string) {
  return useQuery({
    queryKey: [...POLICIES, "validation", yaml],
    queryFn: () => answerOf(api.POST("/api/router/v1/policies/validate", { body: { yaml } })),
    enabled: yaml.trim() !== "",
    placeholderData: (before) => before,
    staleTime: Number.POSITIVE_INFINITY,
  });
}

/** Runs a draft against the cases that came, and says how far it is while it runs. */
export function useReplay() {
  const queries = useQueryClient();
  const [done, setDone] = useState<{ readonly done: number; readonly total: number | null } | null>(null);
  const replay = useMutation({
    mutationFn: async (draft: DraftEntry): Promise<ReplayReport> => {
      const { response, error } = await api.POST("/api/router/v1/policies/drafts/{draft_id}/replay", {
        params: { path: { draft_id: draft.draft_id }, header: { "If-Match": `"${draft.sha256}"` } },
        body: { against: REPLAYED },
        parseAs: "stream",
        fetch: fetchPieces,
      });
      if (!response.ok || !response.body) {
        return answerOf(Promise.resolve({ error, response })) as Promise<never>;
      }
      return readReplay(response.body, setDone);
    },
    onSettled: () => {
      setDone(null);
      return queries.invalidateQueries({ queryKey: POLICIES });
    },
  });
  return { ...replay, done };
}

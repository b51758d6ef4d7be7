import { useQuery } from "@tanstack/react-query";

import { answerOf, api } from "../api/client";
import type { Population } from "../api/feedback";

// Figures move with labels, and labels come by the hour.
const FRESH_MS = 30_000;

export function useSummary() {
  return useQuery({
    queryKey: ["insight", "summary"],
    queryFn: () => answerOf(api.GET("/api/feedback/v1/summary")),
    refetchInterval: FRESH_MS,
  });
}

export interface Question {
  readonly decisionType: string;
  /** The promise: at most this share of what is automated is wrong. */
  readonly alpha: number;
}

export function useAssessments({ decisionType, alpha }: Question) {
  return useQuery({
    queryKey: ["insight", "assessments", decisionType, alpha],
    queryFn: () =>
      answerOf(
        api.GET("/api/feedback/v1/certificates/preview", {
          params: { query: { decision_type: decisionType, alpha } },
        }),
      ),
    select: ({ assessments }) => assessments,
    enabled: decisionType !== "",
    placeholderData: (before) => before,
    refetchInterval: FRESH_MS,
  });
}

/** Where the promise of a population's tier stands, with the evidence that its audits have gathered against it. */
export function useStanding({ tenant, decision_type: decisionType, tier }: Population) {
  return useQuery({
    queryKey: ["insight", "standing", decisionType, tier],
    queryFn: () =>
      answerOf(api.GET("/api/feedback/v1/promises", { params: { query: { decision_type: decisionType, tier } } })),
    select: ({ promises }) => promises.find((one) => one.tenant === tenant) ?? null,
    refetchInterval: FRESH_MS,
  });
}

/** The promise that the policy in force makes for each tier; certificates are for these. */
export function usePromise(decisionType: string) {
  return useQuery({
    queryKey: ["insight", "promise", decisionType],
    queryFn: async () => {
      const policies = await answerOf(api.GET("/api/router/v1/policies", { params: { query: { limit: 200 } } }));
      const found = policies.items.find((policy) => policy.in_force && policy.decision_type === decisionType);
      if (!found) return {};
      const path = { sha256: found.sha256 };
      const { document } = await answerOf(api.GET("/api/router/v1/policies/{sha256}", { params: { path } }));
      const automation = document["automation"] as { alpha?: Readonly<Record<string, number | null>> } | undefined;
      return automation?.alpha ?? {};
    },
    enabled: decisionType !== "",
    staleTime: FRESH_MS,
  });
}

export function useIndependence(decisionType: string, tenant: string) {
  return useQuery({
    queryKey: ["insight", "independence", decisionType, tenant],
    placeholderData: (before) => before,
    queryFn: () =>
      answerOf(api.GET("/api/feedback/v1/reviewers", { params: { query: { decision_type: decisionType, tenant } } })),
    refetchInterval: FRESH_MS,
  });
}

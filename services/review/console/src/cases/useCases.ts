import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";

import { answerOf, api } from "../api/client";
import type { CaseFilters } from "../api/schema";
import { pollMs } from "../live/liveness";

const PAGE = 50;
const INDEXING_MS = 3_000;
const VIEWS = ["saved-views"];

/** Cases, newest first, automatic ones included. */
export function useCases(filters: CaseFilters, cursor: string | null) {
  return useQuery({
    queryKey: ["cases", filters, cursor],
    queryFn: () =>
      answerOf(api.GET("/api/review/v1/cases", { params: { query: { ...filters, cursor, limit: PAGE } } })),
    placeholderData: (before) => before,
    // What has just come is in the word search a little later, and nobody tells when.
    refetchInterval: (asked) => (asked.state.data?.not_indexed ? INDEXING_MS : pollMs(asked)),
  });
}

export function useCase(tenant: string, caseId: string) {
  return useQuery({
    queryKey: ["case", tenant, caseId],
    queryFn: () =>
      answerOf(api.GET("/api/review/v1/cases/{tenant}/{case_id}", { params: { path: { tenant, case_id: caseId } } })),
    refetchInterval: pollMs,
  });
}

export function useDecisionTypes() {
  return useQuery({
    queryKey: ["decision-types"],
    meta: { names: "kinds of decision" },
    queryFn: () => answerOf(api.GET("/api/review/v1/decision-types")),
    select: ({ items }) => items,
    staleTime: Number.POSITIVE_INFINITY,
  });
}

/** What people call a decision type; one that nobody declared keeps its own name, as words. */
export function useTypeName(): (type: string) => string {
  const types = useDecisionTypes().data;
  return (type) => types?.find(({ name }) => name === type)?.label ?? type.replaceAll("_", " ");
}

export function useSavedViews() {
  return useQuery({
    queryKey: VIEWS,
    queryFn: () => answerOf(api.GET("/api/review/v1/saved-views")),
    select: ({ items }) => items,
  });
}

export function useKeepView() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: ({ name, filters }: { readonly name: string; readonly filters: CaseFilters }) =>
      answerOf(api.PUT("/api/review/v1/saved-views/{name}", { params: { path: { name } }, body: { filters } })),
    onSettled: () => queries.invalidateQueries({ queryKey: VIEWS }),
  });
}

export function useForgetView() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (name: string) =>
      answerOf(api.DELETE("/api/review/v1/saved-views/{name}", { params: { path: { name } } })),
    onSettled: () => queries.invalidateQueries({ queryKey: VIEWS }),
  });
}

import { useQuery } from "@tanstack/react-query";

import { answerOf, api } from "../api/client";
import { Refused } from "../api/problem";
import type { CasePage, CaseRow } from "../api/schema";
import { POLL_MS } from "../app/queryClient";

export type CaseState = CaseRow["state"];

export interface Search {
  /** A case id or a subject's reference, whole. */
  readonly text: string;
  readonly state: CaseState | null;
  readonly cursor: string | null;
}

const PAGE = 50;

async function findCases({ text, state, cursor }: Search, tenants: readonly string[]) {
  const list = answerOf(
    api.GET("/api/review/v1/cases", { params: { query: { subject: text || null, state, cursor, limit: PAGE } } }),
  );
  if (!text || cursor) return list;
  const [{ items, next_cursor }, ...named] = await Promise.all([
    list,
    ...tenants.map((tenant) => caseIfThere(tenant, text)),
  ]);
  const found = named.filter((one): one is CasePage => one !== null && (state === null || one.state === state));
  return { items: [...found, ...items], next_cursor };
}

async function caseIfThere(tenant: string, caseId: string): Promise<CasePage | null> {
  try {
    return await readCase(tenant, caseId);
  } catch (error) {
    if (error instanceof Refused) return null;
    throw error;
  }
}

function readCase(tenant: string, caseId: string): Promise<CasePage> {
  return answerOf(
    api.GET("/api/review/v1/cases/{tenant}/{case_id}", { params: { path: { tenant, case_id: caseId } } }),
  );
}

/** Cases, newest first; a search finds the case of that id and the cases of that subject. */
export function useCases(search: Search, tenants: readonly string[]) {
  // Somebody who may see every tenant searches the one that upstream systems get when they name none.
  const named = tenants.includes("*") ? ["default"] : tenants;
  return useQuery({
    queryKey: ["cases", search, named],
    queryFn: () => findCases(search, named),
    placeholderData: (before) => before,
    refetchInterval: POLL_MS,
  });
}

export function useCase(tenant: string, caseId: string) {
  return useQuery({
    queryKey: ["case", tenant, caseId],
    queryFn: () => readCase(tenant, caseId),
    refetchInterval: POLL_MS,
  });
}

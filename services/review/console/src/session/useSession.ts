import { type QueryClient, skipToken, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect } from "react";

import { answerOf, api, rememberCsrfToken, whenSignedOut, whenTokenIsOld } from "../api/client";
import { Refused } from "../api/problem";
import type { Me, SessionRequest } from "../api/schema";
import { keepDraftsOf, leaveTab } from "../triage/decide/draftStore";

const ME = ["me"];
/** Whether a session was ended by something else than its holder's signing out. */
const ENDED = ["session-ended"];

async function readMe(queries: QueryClient, signal?: AbortSignal): Promise<Me | null> {
  try {
    const me = remember(await answerOf(api.GET("/api/review/v1/me", signal ? { signal } : {})));
    const before = queries.getQueryData<Me | null>(ME);
    if (before && before.username !== me.username) forgetOthers(queries);
    return me;
  } catch (error) {
    if (error instanceof Refused && error.status === 401) return null;
    throw error;
  }
}

function remember(me: Me): Me {
  rememberCsrfToken(me.csrf_token ?? "");
  if (keepDraftsOf(me.username)) leaveAddress();
  return me;
}

/** In an address there may be whom somebody looked for: it stays for who goes on after their session ended, for nobody else. */
function leaveAddress(): void {
  window.history.replaceState(null, "", "/");
}

/** Whatever was read before was read as somebody else. */
function forgetOthers(queries: QueryClient): void {
  queries.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== ME[0] });
}

/** Asks again who is signed in. False: it is not who this page is of, and what they wanted is not sent for somebody else. */
async function renewToken(queries: QueryClient): Promise<boolean> {
  const before = queries.getQueryData<Me | null>(ME);
  const me = await readMe(queries);
  queries.setQueryData(ME, me);
  return me !== null && me.username === before?.username;
}

/** Who is signed in: null when nobody is, undefined while nobody knows. */
export function useMe() {
  const queries = useQueryClient();
  useEffect(
    () =>
      whenSignedOut(() => {
        if (queries.getQueryData(ME)) queries.setQueryData(ENDED, true);
        queries.setQueryData(ME, null);
      }),
    [queries],
  );
  useEffect(() => whenTokenIsOld(() => renewToken(queries)), [queries]);
  return useQuery({
    queryKey: ME,
    queryFn: ({ client, signal }) => readMe(client, signal),
    staleTime: Number.POSITIVE_INFINITY,
  });
}

/** Asks once more who is signed in, and waits no longer for the answer to the question before. */
export function useAskAgain(): () => void {
  const queries = useQueryClient();
  return useCallback(() => {
    void queries
      .cancelQueries({ queryKey: ME })
      .then(() => queries.refetchQueries({ queryKey: ME }))
      .catch(() => undefined);
  }, [queries]);
}

/** Whether this page was signed in, and its session is over without anybody having signed out here. */
export function useWasEnded(): boolean {
  return useQuery({ queryKey: ENDED, queryFn: skipToken, initialData: false }).data ?? false;
}

/** What to do when somebody else says that the session is over: ask who is signed in. */
export function useSessionEnd(): () => void {
  const queries = useQueryClient();
  return useCallback(() => void queries.invalidateQueries({ queryKey: ME }), [queries]);
}

export function useSignIn() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: async (body: SessionRequest) => remember(await answerOf(api.POST("/api/review/v1/session", { body }))),
    onSuccess: (me) => {
      queries.setQueryData(ENDED, false);
      forgetOthers(queries);
      queries.setQueryData(ME, me);
    },
  });
}

/** How long this person wants to be able to undo; null leaves it to the policy. */
export function useUndoSeconds() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (seconds: number | null) =>
      answerOf(api.PUT("/api/review/v1/me/settings", { body: { undo_seconds: seconds } })),
    onSettled: () => queries.invalidateQueries({ queryKey: ME }),
  });
}

export function useSignOut() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: () => answerOf(api.DELETE("/api/review/v1/session")),
    onSuccess: () => {
      leaveTab();
      leaveAddress();
      rememberCsrfToken("");
      queries.setQueryData(ME, null);
      forgetOthers(queries);
    },
  });
}

import { useQuery } from "@tanstack/react-query";

import { answerOf, api } from "../api/client";
import type { Proposal, StopScope } from "../api/router";
import { POLL_MS } from "../app/queryClient";
import { useStep } from "../ui/useStep";

export const CONTROLS = ["controls"];
const PREVIEW_HOURS = 24;

export function useControls() {
  return useQuery({
    queryKey: CONTROLS,
    queryFn: () => answerOf(api.GET("/api/router/v1/controls")),
    refetchInterval: POLL_MS,
  });
}

export function useProposals() {
  return useQuery({
    queryKey: [...CONTROLS, "proposals"],
    queryFn: () => answerOf(api.GET("/api/router/v1/controls/proposals")),
    select: ({ items }) => items,
    refetchInterval: POLL_MS,
  });
}

export function useDecisionTypes() {
  return useQuery({
    queryKey: ["router", "decision-types"],
    meta: { names: "kinds of decision" },
    queryFn: () => answerOf(api.GET("/api/router/v1/decision-types")),
    select: ({ items }) => items,
    staleTime: Number.POSITIVE_INFINITY,
  });
}

/** What a stop of this scope would send to people, going by the last day. */
export function useStopPreview(scope: StopScope, wanted: boolean) {
  return useQuery({
    queryKey: [...CONTROLS, "preview", scope],
    queryFn: () =>
      answerOf(
        api.POST("/api/router/v1/controls/stop/preview", {
          params: { query: { hours: PREVIEW_HOURS } },
          body: scope,
        }),
      ),
    enabled: wanted,
  });
}

/** A write to the controls, after which everything shown of them is read anew. */
const useControlStep = <Wish, Answer>(send: (wish: Wish, key: string) => Promise<Answer>) => useStep(CONTROLS, send);

interface Because {
  readonly scope: StopScope;
  readonly reason: string;
}

export function useStop() {
  return useControlStep(({ scope, reason }: Because, key) =>
    answerOf(
      api.POST("/api/router/v1/controls/stop", {
        params: { header: { "Idempotency-Key": key } },
        body: { ...scope, reason },
      }),
    ),
  );
}

export function useAskForRelease() {
  return useControlStep(({ scope, reason }: Because, key) =>
    answerOf(
      api.POST("/api/router/v1/controls/stop/release-requests", {
        params: { header: { "Idempotency-Key": key } },
        body: { ...scope, reason },
      }),
    ),
  );
}

export function useConfirmRelease() {
  return useControlStep((requestId: string, key) =>
    answerOf(
      api.POST("/api/router/v1/controls/stop/release-requests/{request_id}/confirm", {
        params: { path: { request_id: requestId }, header: { "Idempotency-Key": key } },
      }),
    ),
  );
}

interface Raise {
  readonly scope: StopScope;
  readonly tier: "*" | "negligible" | "low" | "medium" | "high" | "critical";
  readonly high: number;
  readonly medium: number;
  readonly reason: string;
}

export function useRaiseBands() {
  return useControlStep(({ scope, ...asked }: Raise, key) =>
    answerOf(
      api.POST("/api/router/v1/controls/bands", {
        params: { header: { "Idempotency-Key": key } },
        body: { ...scope, ...asked },
      }),
    ),
  );
}

interface Answering {
  readonly proposal: Proposal;
  readonly reason: string;
  readonly sign: boolean;
}

export function useAnswerProposal() {
  return useControlStep(async ({ proposal, reason, sign }: Answering, key) => {
    const { becomes, tenant, decision_type, tier, sha256 } = proposal;
    const request = {
      params: { header: { "Idempotency-Key": key } },
      // The router names what waits in the same words that it takes them in.
      body: { becomes, tenant, decision_type, tier, sha256, reason } as never,
    };
    if (sign) await answerOf(api.POST("/api/router/v1/controls/proposals/sign", request));
    else await answerOf(api.POST("/api/router/v1/controls/proposals/refuse", request));
  });
}

import { answerOf, api } from "../../api/client";
import { Refused } from "../../api/problem";
import type { Claim, DecisionRecorded, DecisionRequest, Lease, OpenedLease, Preview } from "../../api/schema";
import { EVERY } from "../../tenants/useTenants";
import type { Terms } from "../decide/draft";

const path = (claimId: string) => ({ path: { claim_id: claimId } });

const AGAIN_MS = 250;
const PATIENCE_MS = 5_000;

/**
 * Asks again while there is no room for another claim: a hand that is quicker than the network holds what it has
 * decided until the answers are here.
 */
async function withRoom(ask: () => Promise<Claim | null>): Promise<Claim | null> {
  const until = Date.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof Refused) || error.slug !== "too-many-claims" || Date.now() > until) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
  }
}

/** A claim that is held and was never opened: a window that was closed in a hurry leaves one behind. */
async function leftClaim() {
  const { items } = await answerOf(api.GET("/api/review/v1/claims"));
  return items.find(({ state, opened_at }) => state === "held" && opened_at === null);
}

/** The next case for this reviewer: the best one of the queue or, where there is no room for it, one that was left. */
export function nextClaim(queue: string, tenant: string): Promise<Claim | null> {
  return withRoom(async () => {
    try {
      // No room and no work are told apart a moment later than they are found: nothing counts when it is said twice.
      return (await takeClaim(queue, tenant)) ?? (await takeClaim(queue, tenant));
    } catch (error) {
      if (!(error instanceof Refused) || error.status !== 409) throw error;
      const left = await leftClaim();
      if (!left) throw error;
      return readClaim(left.claim_id);
    }
  });
}

/** The review named, for this reviewer; null when it is not there for them any more. What was left makes room for it. */
export function namedClaim(queue: string, reviewId: string): Promise<Claim | null> {
  return withRoom(async () => {
    try {
      return await takeNamed(queue, reviewId);
    } catch (error) {
      if (!(error instanceof Refused) || error.slug !== "too-many-claims") throw error;
      const left = await leftClaim();
      if (!left) throw error;
      await releaseClaim(left.claim_id);
      return takeNamed(queue, reviewId);
    }
  });
}

/** Takes the best eligible review of a queue, of one tenant or of all. Null when there is none for this reviewer. */
export function takeClaim(queue: string, tenant: string): Promise<Claim | null> {
  return claimIn(queue, tenant, null);
}

function takeNamed(queue: string, reviewId: string): Promise<Claim | null> {
  return claimIn(queue, EVERY, reviewId);
}

async function claimIn(queue: string, tenant: string, reviewId: string | null): Promise<Claim | null> {
  const claim = await answerOf(
    api.POST("/api/review/v1/queues/{queue}/claims", {
      params: { path: { queue }, query: { tenant } },
      body: { review_id: reviewId },
    }),
  );
  return claim ?? null;
}

export function readClaim(claimId: string): Promise<Claim> {
  return answerOf(api.GET("/api/review/v1/claims/{claim_id}", { params: path(claimId) }));
}

/** The claim this reviewer was working on last, if any is still held. */
export async function heldClaim(): Promise<Claim | null> {
  const { items } = await answerOf(api.GET("/api/review/v1/claims"));
  const opened = items.filter(({ state, opened_at }) => state === "held" && opened_at !== null);
  opened.sort((one, other) => Date.parse(other.opened_at ?? "") - Date.parse(one.opened_at ?? ""));
  return opened[0] ? readClaim(opened[0].claim_id) : null;
}

/** The claim this reviewer holds on a review already. */
export async function claimOn(reviewId: string): Promise<Claim | null> {
  const { items } = await answerOf(api.GET("/api/review/v1/claims"));
  const mine = items.find(({ state, review_id }) => state === "held" && review_id === reviewId);
  return mine ? readClaim(mine.claim_id) : null;
}

/** Says that the case is on the screen; the answer tells what has become more urgent of the tenant's work. */
export function sayOpened(claimId: string, tenant: string): Promise<OpenedLease> {
  return answerOf(
    api.POST("/api/review/v1/claims/{claim_id}/opened", { params: { ...path(claimId), query: { tenant } } }),
  );
}

export function extendLease(claimId: string, version: number): Promise<Lease> {
  return answerOf(
    api.POST("/api/review/v1/claims/{claim_id}/heartbeat", {
      params: { ...path(claimId), header: { "If-Match": String(version) } },
    }),
  );
}

export async function releaseClaim(claimId: string, keepalive = false): Promise<void> {
  await answerOf(api.POST("/api/review/v1/claims/{claim_id}/release", { params: path(claimId), keepalive }));
}

export async function skipClaim(claimId: string): Promise<void> {
  await answerOf(api.POST("/api/review/v1/claims/{claim_id}/skip", { params: path(claimId) }));
}

export function previewTerms(claimId: string, outcome: string, terms: Terms): Promise<Preview> {
  return answerOf(
    api.POST("/api/review/v1/claims/{claim_id}/preview", {
      params: path(claimId),
      body: { outcome, outcome_params: { ...terms } },
    }),
  );
}

export function sendDecision(
  claimId: string,
  version: number,
  idempotencyKey: string,
  body: DecisionRequest,
): Promise<DecisionRecorded> {
  return answerOf(
    api.POST("/api/review/v1/claims/{claim_id}/decision", {
      params: { ...path(claimId), header: { "If-Match": String(version), "Idempotency-Key": idempotencyKey } },
      body,
    }),
  );
}

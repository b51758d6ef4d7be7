import type { Claim, ClaimSummary, Lease, Overtaking } from "../../api/schema";
import { Hold } from "./hold";

/** What lies on the desk. */
export type Desk =
  | { readonly phase: "resuming" }
  /** Nothing is held and nothing was asked for. */
  | { readonly phase: "ready" }
  | { readonly phase: "opening" }
  | {
      readonly phase: "open";
      readonly hold: Hold;
      readonly claim: Claim;
      /** Null until the server has heard that the case is on the screen: only then the full lease counts. */
      readonly leaseExpiresAt: string | null;
      /** New evidence came while the case was open: it must be looked at again. */
      readonly revised: boolean;
      /** What has become more urgent since this case was prepared. */
      readonly overtaken: Overtaking | null;
    }
  /** There is nothing (left) this reviewer could take. */
  | { readonly phase: "empty" }
  /** The hold ended without a decision of this reviewer. */
  | { readonly phase: "ended"; readonly claim: Claim; readonly why: string; readonly gone: boolean }
  | { readonly phase: "failed"; readonly why: string };

export type DeskEvent =
  | { readonly type: "asked" }
  | { readonly type: "shown"; readonly hold: Hold; readonly claim: Claim }
  | { readonly type: "revised"; readonly claim: Claim }
  | { readonly type: "renewed"; readonly claimId: string; readonly lease: Lease }
  | { readonly type: "overtaken"; readonly claimId: string; readonly by: Overtaking | null }
  | { readonly type: "ended"; readonly claimId: string; readonly why: string; readonly gone: boolean }
  | { readonly type: "cleared" }
  | { readonly type: "emptied" }
  | { readonly type: "failed"; readonly why: string };

/** News about a claim that is no longer on the desk changes nothing. */
export function reduceDesk(desk: Desk, event: DeskEvent): Desk {
  switch (event.type) {
    case "asked":
      return { phase: "opening" };
    case "shown":
      return {
        phase: "open",
        hold: event.hold,
        claim: event.claim,
        leaseExpiresAt: event.claim.opened_at === null ? null : event.claim.lease_expires_at,
        revised: false,
        overtaken: null,
      };
    case "revised":
      return isOpen(desk, event.claim.claim_id)
        ? { ...desk, claim: event.claim, revised: isNews(desk.claim, event.claim) }
        : desk;
    case "renewed":
      return isOpen(desk, event.claimId) ? { ...desk, leaseExpiresAt: event.lease.lease_expires_at } : desk;
    case "overtaken":
      return isOpen(desk, event.claimId) ? { ...desk, overtaken: event.by } : desk;
    case "ended":
      return isOpen(desk, event.claimId)
        ? { phase: "ended", claim: desk.claim, why: event.why, gone: event.gone }
        : desk;
    case "cleared":
      return { phase: "ready" };
    case "emptied":
      return { phase: "empty" };
    case "failed":
      return { phase: "failed", why: event.why };
  }
}

/** That a case shows what was withheld until its reviewer had answered is no news of the case. */
function isNews(before: Claim, after: Claim): boolean {
  return after.asks !== "confirmation" || before.asks === "confirmation";
}

export function isOpen(desk: Desk, claimId: string): desk is Extract<Desk, { phase: "open" }> {
  return desk.phase === "open" && desk.claim.claim_id === claimId;
}

type Ended = Exclude<ClaimSummary["state"], "held">;

/** Why a claim is not held any more, and whether the case is beyond taking again. */
export const ENDINGS: Readonly<Record<Ended, { readonly why: string; readonly gone: boolean }>> = {
  expired: { why: "Your hold on this case ran out and it went back to the queue. Nothing was recorded.", gone: false },
  released: { why: "This case was put back into the queue. Nothing was recorded.", gone: false },
  skipped: { why: "You skipped this case.", gone: false },
  withdrawn: { why: "The case was withdrawn. No decision is needed any more.", gone: true },
  decided: { why: "This case has been decided.", gone: true },
  recused: { why: "You recused yourself; somebody else gets this case.", gone: true },
  escalated: { why: "This case went to somebody with more authority.", gone: true },
  delegated: { why: "This case went to a colleague.", gone: true },
  recalled: { why: "This case was called back; somebody else decides it.", gone: true },
  asked: { why: "More information was asked for. The case comes back when the answer is here.", gone: true },
  blocked: { why: "This case is on hold. Nobody decides it until a lead lets it go on.", gone: true },
  returned: { why: "This case went back to whoever had it before.", gone: true },
};

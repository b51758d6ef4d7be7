import { useQuery } from "@tanstack/react-query";
import { type RefObject, useEffect, useEffectEvent, useRef } from "react";

import { NoAnswer } from "../../api/problem";
import type { Claim, Lease } from "../../api/schema";
import { serverNow } from "../../api/serverClock";
import { extendLease, readClaim } from "./claims";
import { ENDINGS } from "./desk";
import type { Hold } from "./hold";

// Looked at often, extended seldom: when some time has passed, or when little is left.
const CHECK_MS = 3_000;
const BEAT_MS = 30_000;
const LITTLE_MS = 90_000;
const LOOK_MS = 8_000;

interface Watch {
  readonly hold: Hold | null;
  readonly leaseExpiresAt: string | null;
  readonly activity: RefObject<number>;
  /** The case changed under the reviewer: here is what it looks like now. */
  readonly onRevised: (claim: Claim) => void;
  readonly onRenewed: (claimId: string, lease: Lease) => void;
  readonly onEnded: (claimId: string, why: string, gone: boolean) => void;
}

/** Keeps the hold alive while someone works, and notices when it ended all the same. */
export function useLease({ hold, leaseExpiresAt, activity, onRevised, onRenewed, onEnded }: Watch): void {
  const claimId = hold?.claimId;
  const beaten = useRef(0);

  const beat = useEffectEvent(async () => {
    if (!hold || !leaseExpiresAt || activity.current <= beaten.current) return;
    const now = Date.now();
    const little = Date.parse(leaseExpiresAt) - serverNow() < LITTLE_MS;
    if (!little && now - beaten.current < BEAT_MS) return;
    beaten.current = now;
    try {
      onRenewed(hold.claimId, await hold.renew((version) => extendLease(hold.claimId, version)));
    } catch (error) {
      // Silence is shown by the header; a refusal means that the claim changed, and the look below says how.
      if (!(error instanceof NoAnswer)) void look.refetch();
    }
  });
  useEffect(() => {
    if (!claimId) return undefined;
    beaten.current = Date.now();
    const timer = setInterval(() => void beat(), CHECK_MS);
    return () => clearInterval(timer);
  }, [claimId]);

  const look = useQuery({
    queryKey: ["claim", claimId],
    queryFn: () => readClaim(claimId ?? ""),
    enabled: claimId !== undefined,
    refetchInterval: LOOK_MS,
    staleTime: LOOK_MS,
  });
  const seen = useEffectEvent((claim: Claim) => {
    if (!hold || claim.claim_id !== hold.claimId) return;
    if (claim.state !== "held") onEnded(hold.claimId, ENDINGS[claim.state].why, ENDINGS[claim.state].gone);
    else if (hold.see(claim)) onRevised(claim);
  });
  useEffect(() => {
    if (look.data) seen(look.data);
  }, [look.data]);
}

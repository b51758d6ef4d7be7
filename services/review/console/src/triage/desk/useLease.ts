import { useQuery } from "@tanstack/react-query";
import { type RefObject, useEffect, useEffectEvent } from "react";

import { NoAnswer } from "../../api/problem";
import type { Claim, Lease } from "../../api/schema";
import { extendLease, readClaim } from "./claims";
import { ENDINGS } from "./desk";
import type { Hold } from "./hold";

// Often enough that a lease of a few minutes never ends under someone who is working.
const BEAT_MS = 30_000;
const LOOK_MS = 8_000;

interface Watch {
  readonly hold: Hold | null;
  readonly activity: RefObject<number>;
  /** The case changed under the reviewer: here is what it looks like now. */
  readonly onRevised: (claim: Claim) => void;
  readonly onRenewed: (claimId: string, lease: Lease) => void;
  readonly onEnded: (claimId: string, why: string, gone: boolean) => void;
}

/** Keeps the hold alive while someone works, and notices when it ended all the same. */
export function useLease({ hold, activity, onRevised, onRenewed, onEnded }: Watch): void {
  const claimId = hold?.claimId;

  const beat = useEffectEvent(async () => {
    if (!hold || Date.now() - activity.current > BEAT_MS) return;
    try {
      onRenewed(hold.claimId, await hold.renew((version) => extendLease(hold.claimId, version)));
    } catch (error) {
      // Silence is shown by the header; a refusal means that the claim changed, and the look below says how.
      if (!(error instanceof NoAnswer)) void look.refetch();
    }
  });
  useEffect(() => {
    if (!claimId) return undefined;
    const timer = setInterval(() => void beat(), BEAT_MS);
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

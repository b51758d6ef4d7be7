import { type RefObject, useCallback, useEffect, useMemo, useRef } from "react";

import type { Claim } from "../../api/schema";
import { releaseClaim, takeClaim } from "./claims";

// The server gives an unopened claim back after a minute; before that it is ours to return.
const KEPT_MS = 45_000;
const LOOK_MS = 1_000;

interface Ahead {
  readonly claim: Claim;
  readonly since: number;
}

export interface LookAhead {
  /** Gives the prepared claim away: the one named, or any. Null when there is none. */
  readonly use: (reviewId: string | null) => Claim | null;
  /** Puts a claim aside as the next one. */
  readonly keep: (claim: Claim) => void;
}

/** Holds the next claim while a case is open, so that it can be shown at once. An idle desk holds nothing back. */
export function useLookAhead(queue: string | null, active: boolean, activity: RefObject<number>): LookAhead {
  const ahead = useRef<Ahead | null>(null);
  const asking = useRef(false);

  const giveBack = useCallback((keepalive = false) => {
    const left = ahead.current;
    ahead.current = null;
    // The server does the same after a minute, should this one not be heard.
    if (left) releaseClaim(left.claim.claim_id, keepalive).catch(() => undefined);
  }, []);

  useEffect(() => {
    if (!active || !queue) return undefined;
    const look = async () => {
      const now = Date.now();
      if (ahead.current && now - ahead.current.since > KEPT_MS) giveBack();
      const idle = now - activity.current > KEPT_MS;
      if (ahead.current || asking.current || idle || document.hidden) return;
      asking.current = true;
      try {
        const claim = await takeClaim(queue, null);
        if (claim) ahead.current = { claim, since: Date.now() };
      } catch {
        // Nothing is lost: the next case is then asked for when it is wanted, and errors show there.
      } finally {
        asking.current = false;
      }
    };
    const timer = setInterval(() => void look(), LOOK_MS);
    return () => clearInterval(timer);
  }, [queue, active, activity, giveBack]);

  useEffect(() => {
    const leave = () => giveBack(true);
    window.addEventListener("pagehide", leave);
    return () => {
      window.removeEventListener("pagehide", leave);
      leave();
    };
  }, [queue, giveBack]);

  const use = useCallback((reviewId: string | null) => {
    const found = ahead.current;
    if (!found || (reviewId !== null && found.claim.review_id !== reviewId)) return null;
    ahead.current = null;
    return Date.now() - found.since > KEPT_MS ? null : found.claim;
  }, []);

  const keep = useCallback(
    (claim: Claim) => {
      giveBack();
      ahead.current = { claim, since: Date.now() };
    },
    [giveBack],
  );
  return useMemo(() => ({ use, keep }), [use, keep]);
}

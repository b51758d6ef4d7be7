import { type RefObject, useCallback, useEffect, useMemo, useRef, useState } from "react";

import { Refused } from "../../api/problem";
import type { Claim } from "../../api/schema";
import { releaseClaim, takeClaim } from "./claims";

// The server gives an unopened claim back after a minute; before that it is ours to return.
const KEPT_MS = 45_000;
// How soon to try again: at once after a refusal (the last decision is still on its way and its claim still held),
// later when there was nothing to take.
const LOOK_MS = 250;
const EMPTY_MS = 3_000;
const TROUBLE_MS = 2_000;
const SOON = 8;

interface Ahead {
  readonly claim: Claim;
  readonly since: number;
}

export interface LookAhead {
  /** Gives the prepared claim away: the one named, or any. Null when there is none. */
  readonly use: (reviewId: string | null) => Claim | null;
  /** The prepared claim (the one named, or any), else what the server answers; never two requests at once. */
  readonly take: (ask: () => Promise<Claim | null>, reviewId: string | null) => Promise<Claim | null>;
  /** Puts a claim aside as the next one. */
  readonly keep: (claim: Claim) => void;
  /** Gives back what is prepared, or on its way: nobody goes on working here now. */
  readonly rest: () => void;
  readonly prepared: boolean;
}

/** Holds the next claim while a case is open, so that it can be shown at once. An idle desk holds nothing back. */
export function useLookAhead(queue: string | null, active: boolean, activity: RefObject<number>): LookAhead {
  const ahead = useRef<Ahead | null>(null);
  const [prepared, tellPrepared] = useState(false);
  const put = useCallback((next: Ahead | null) => {
    ahead.current = next;
    tellPrepared(next !== null);
  }, []);
  const asking = useRef(0);
  const last = useRef<Promise<unknown>>(Promise.resolve());
  const notBefore = useRef(0);
  const refusals = useRef(0);
  const wanted = useRef(queue);
  useEffect(() => {
    wanted.current = queue;
  }, [queue]);

  /** One request for a claim at a time: two at once would be given the same one, or one too many. */
  const alone = useCallback((ask: () => Promise<Claim | null>): Promise<Claim | null> => {
    asking.current += 1;
    const answer = last.current.then(ask, ask).finally(() => {
      asking.current -= 1;
    });
    last.current = answer.catch(() => undefined);
    return answer;
  }, []);

  const giveBack = useCallback(
    async (keepalive = false) => {
      const left = ahead.current;
      put(null);
      // The server does the same after a minute, should this one not be heard.
      if (left) await releaseClaim(left.claim.claim_id, keepalive).catch(() => undefined);
    },
    [put],
  );

  useEffect(() => {
    if (!active || !queue) return undefined;
    const look = async () => {
      const now = Date.now();
      if (ahead.current && now - ahead.current.since > KEPT_MS) void giveBack();
      const idle = now - activity.current > KEPT_MS;
      if (ahead.current || asking.current > 0 || idle || document.hidden || now < notBefore.current) return;
      try {
        const claim = await alone(() => takeClaim(queue, null));
        refusals.current = 0;
        if (!claim) notBefore.current = Date.now() + EMPTY_MS;
        // Meanwhile a case may have been put aside as the next one, or another queue chosen: no second one is held.
        else if (ahead.current || wanted.current !== queue) await releaseClaim(claim.claim_id).catch(() => undefined);
        else put({ claim, since: Date.now() });
      } catch (error) {
        // Nothing is lost: the next case is then asked for when it is wanted, and errors show there.
        // A claim too many: mostly that of the decision that is still on its way. Again soon, but not for ever soon.
        refusals.current += 1;
        const soon = error instanceof Refused && error.status === 409 && refusals.current <= SOON;
        notBefore.current = Date.now() + (soon ? 0 : TROUBLE_MS);
      }
    };
    const timer = setInterval(() => void look(), LOOK_MS);
    return () => clearInterval(timer);
  }, [queue, active, activity, alone, giveBack, put]);

  useEffect(() => {
    const leave = () => void giveBack(true);
    window.addEventListener("pagehide", leave);
    return () => {
      window.removeEventListener("pagehide", leave);
      leave();
    };
  }, [queue, giveBack]);

  const use = useCallback(
    (reviewId: string | null) => {
      const found = ahead.current;
      if (!found || (reviewId !== null && found.claim.review_id !== reviewId)) return null;
      if (Date.now() - found.since > KEPT_MS) {
        void giveBack();
        return null;
      }
      put(null);
      return found.claim;
    },
    [put, giveBack],
  );

  const take = useCallback(
    (ask: () => Promise<Claim | null>, reviewId: string | null) =>
      // Waiting for a request that is under way may bring the very case that is wanted.
      alone(async () => {
        const ready = use(reviewId);
        if (ready) return ready;
        // Room for the one that is wanted: nobody may hold a third.
        await giveBack();
        return ask();
      }),
    [alone, use, giveBack],
  );

  const keep = useCallback(
    (claim: Claim) => {
      void giveBack();
      put({ claim, since: Date.now() });
    },
    [giveBack, put],
  );
  const rest = useCallback(() => {
    void alone(async () => {
      await giveBack();
      return null;
    });
  }, [alone, giveBack]);
  return useMemo(() => ({ use, take, keep, rest, prepared }), [use, take, keep, rest, prepared]);
}

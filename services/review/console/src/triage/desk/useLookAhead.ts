import { type RefObject, useEffect, useMemo, useRef, useState } from "react";

import { Refused } from "../../api/problem";
import type { Claim } from "../../api/schema";
import { Ahead, KEPT_MS } from "./ahead";
import { releaseClaim, takeClaim } from "./claims";

// How soon to try again: at once after a refusal (the last decision is still on its way and its claim still held),
// later when there was nothing to take.
const LOOK_MS = 250;
const EMPTY_MS = 3_000;
const TROUBLE_MS = 2_000;
const SOON = 8;

export interface LookAhead extends Pick<Ahead, "use" | "take" | "keep" | "rest"> {
  readonly prepared: boolean;
}

/** Holds the next claim while a case is open, so that it can be shown at once. An idle desk holds nothing back. */
export function useLookAhead(
  queue: string | null,
  tenant: string,
  active: boolean,
  activity: RefObject<number>,
): LookAhead {
  const [prepared, onChange] = useState(false);
  const [ahead] = useState(() => new Ahead({ release: releaseClaim, now: () => Date.now(), onChange }));
  const notBefore = useRef(0);
  const refusals = useRef(0);
  const wanted = useRef({ queue, tenant });
  useEffect(() => {
    wanted.current = { queue, tenant };
  }, [queue, tenant]);

  useEffect(() => {
    if (!active || !queue) return undefined;
    const look = async () => {
      const now = Date.now();
      if (ahead.stale) void ahead.giveBack();
      const idle = now - activity.current > KEPT_MS;
      if (ahead.prepared || ahead.asking || idle || document.hidden || now < notBefore.current) return;
      try {
        const found = await ahead.look(
          () => takeClaim(queue, tenant),
          () => wanted.current.queue === queue && wanted.current.tenant === tenant,
        );
        refusals.current = 0;
        if (!found) notBefore.current = Date.now() + EMPTY_MS;
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
  }, [queue, tenant, active, activity, ahead]);

  useEffect(() => {
    const leave = () => void ahead.giveBack(true);
    window.addEventListener("pagehide", leave);
    return () => {
      window.removeEventListener("pagehide", leave);
      leave();
    };
  }, [queue, tenant, ahead]);

  return useMemo(
    () => ({
      use: (reviewId: string | null) => ahead.use(reviewId),
      take: (ask: () => Promise<Claim | null>, reviewId: string | null) => ahead.take(ask, reviewId),
      keep: (claim: Claim) => ahead.keep(claim),
      rest: () => ahead.rest(),
      prepared,
    }),
    [ahead, prepared],
  );
}

import { useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useReducer, useRef, useState } from "react";

import { explain } from "../../api/problem";
import type { Claim, Lease, QueueItem } from "../../api/schema";
import { claimOn, heldClaim, readClaim, releaseClaim, sayOpened, skipClaim, takeClaim } from "./claims";
import { type Desk, type DeskEvent, ENDINGS, reduceDesk } from "./desk";
import { Hold } from "./hold";
import { useActivity } from "./useActivity";
import { useLease } from "./useLease";
import { useLookAhead } from "./useLookAhead";

export interface DeskActions {
  readonly desk: Desk;
  /** What could not be done, while the desk stays as it is. */
  readonly notice: string | null;
  /** Shows the next case: the prepared one at once, otherwise the best one the server gives. */
  readonly openNext: () => void;
  /** Shows the review named; the open case goes back to the queue. */
  readonly openReview: (item: QueueItem) => Promise<void>;
  /** Shows a claim this reviewer holds already; the open case becomes the next one. */
  readonly reopen: (claimId: string) => void;
  readonly skip: () => void;
  readonly putBack: () => void;
}

/** The desk: at most one case open, the next one prepared, the hold kept alive. */
export function useDesk(queue: string | null): DeskActions {
  const [desk, dispatch] = useReducer(reduceDesk, { phase: "resuming" });
  const [notice, setNotice] = useState<string | null>(null);
  const queries = useQueryClient();
  const activity = useActivity();
  const hold = desk.phase === "open" ? desk.hold : null;
  const ahead = useLookAhead(queue, hold !== null, activity);
  const busy = useRef(false);

  const onRenewed = useCallback((claimId: string, lease: Lease) => dispatch({ type: "renewed", claimId, lease }), []);
  const onEnded = useCallback(
    (claimId: string, why: string, gone: boolean) => dispatch({ type: "ended", claimId, why, gone }),
    [],
  );
  const onRevised = useCallback((claim: Claim) => dispatch({ type: "revised", claim }), []);
  useLease({ hold, activity, onRevised, onRenewed, onEnded });

  const show = useCallback(
    (claim: Claim) => {
      const next = new Hold(claim);
      dispatch({ type: "shown", hold: next, claim });
      if (claim.state !== "held") return onEnded(claim.claim_id, ENDINGS[claim.state].why, ENDINGS[claim.state].gone);
      // A refusal here means that the claim has ended; the look at the claim says how.
      next
        .renew(() => sayOpened(claim.claim_id))
        .then(
          (lease) => onRenewed(claim.claim_id, lease),
          () => queries.invalidateQueries({ queryKey: ["claim", claim.claim_id] }),
        );
      void queries.invalidateQueries({ queryKey: ["queue"] });
    },
    [onRenewed, onEnded, queries],
  );

  /** Runs one change of the desk at a time; a second press while the first is under way does nothing. */
  const change = useCallback(
    async (fetch: () => Promise<Claim | null>, onNothing: DeskEvent) => {
      if (busy.current) return;
      busy.current = true;
      setNotice(null);
      try {
        const claim = await fetch();
        if (claim) show(claim);
        else dispatch(onNothing);
      } catch (error) {
        dispatch({ type: "failed", why: explain(error) });
      } finally {
        busy.current = false;
      }
    },
    [show],
  );

  useEffect(() => {
    let here = true;
    heldClaim().then(
      (claim) => here && (claim ? show(claim) : dispatch({ type: "cleared" })),
      (error: unknown) => here && dispatch({ type: "failed", why: explain(error) }),
    );
    return () => {
      here = false;
    };
  }, [show]);

  const openNext = useCallback(() => {
    if (!queue || busy.current) return;
    const ready = ahead.use(null);
    if (ready) return show(ready);
    dispatch({ type: "asked" });
    void change(() => takeClaim(queue, null), { type: "emptied" });
  }, [queue, change, ahead, show]);

  const openReview = async ({ review_id, case_id, claimed_by_me }: QueueItem) => {
    if (!queue || busy.current || hold?.reviewId === review_id) return;
    const left = hold?.claimId;
    busy.current = true;
    try {
      const claim = ahead.use(review_id) ?? (await (claimed_by_me ? claimOn(review_id) : takeClaim(queue, review_id)));
      if (claim) show(claim);
      setNotice(claim ? null : `${case_id} is not there for you any more.`);
      // The server gives it back by itself when the lease ends, should this not be heard.
      if (claim && left) releaseClaim(left).catch(() => undefined);
    } catch (error) {
      setNotice(`${case_id}: ${explain(error)}`);
    } finally {
      busy.current = false;
    }
  };

  const reopen = (claimId: string) => {
    if (desk.phase === "open" && desk.claim.claim_id !== claimId) ahead.keep(desk.claim);
    void change(() => readClaim(claimId), { type: "cleared" });
  };

  const skip = () => {
    if (!hold || busy.current) return;
    // Unheard, the claim runs out by itself and the case comes round again; nothing was promised.
    hold.finish(() => skipClaim(hold.claimId)).catch(() => undefined);
    openNext();
  };

  const putBack = () => {
    if (!hold || busy.current) return;
    hold.finish(() => releaseClaim(hold.claimId)).catch(() => undefined);
    dispatch({ type: "cleared" });
  };

  return { desk, notice, openNext, openReview, reopen, skip, putBack };
}

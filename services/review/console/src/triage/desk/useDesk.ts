import { useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useRef, useState } from "react";

import { explain, isPassing } from "../../api/problem";
import type { Claim, Lease, OpenedLease, QueueItem } from "../../api/schema";
import { claimOn, heldClaim, namedClaim, nextClaim, readClaim, releaseClaim, sayOpened, skipClaim } from "./claims";
import { type Desk, type DeskEvent, ENDINGS, isOpen, reduceDesk } from "./desk";
import { Hold } from "./hold";
import { useActivity } from "./useActivity";
import { useAttention } from "./useAttention";
import { useLease } from "./useLease";
import { useLookAhead } from "./useLookAhead";

// Well within the minute for which the server holds what nobody has opened.
const OPENED_AGAIN_MS = 2_000;

export interface DeskActions {
  readonly desk: Desk;
  /** What could not be done, while the desk stays as it is. */
  readonly notice: string | null;
  /** Shows the next case: the prepared one at once, otherwise the best one the server gives. */
  readonly openNext: () => void;
  /** A case has been dealt with: the next one is shown, unless its person has gone on to another already. */
  readonly leave: (claimId: string) => void;
  /** Says what became of a case that is off the desk; on the desk it says so itself. */
  readonly tell: (claimId: string, words: string) => void;
  /** Shows the review named; the open case goes back to the queue. */
  readonly openReview: (item: QueueItem) => Promise<void>;
  /** Shows what has become more urgent than the open case, which goes back to the queue. */
  readonly takeFirst: () => void;
  /** Shows a case again whose hold ran out, whatever queue is looked at by now. */
  readonly takeAgain: (claim: Claim) => void;
  /** Leaves the order as it is: the open case stays. */
  readonly stay: () => void;
  /** Shows a claim this reviewer holds already; the open case becomes the next one. */
  readonly reopen: (claimId: string) => Promise<void>;
  /** Reads the open case again: it shows more than before. */
  readonly lookAgain: () => void;
  readonly skip: () => void;
  readonly putBack: () => void;
  /** Whether the next case is at hand, so that it can be shown at once. */
  readonly prepared: boolean;
}

/** The claim that another page has put on the desk, taken out of the address. */
function takeWanted(): string | null {
  const address = new URL(window.location.href);
  const wanted = address.searchParams.get("claim");
  address.searchParams.delete("claim");
  if (wanted) window.history.replaceState(null, "", `${address.pathname}${address.search}`);
  return wanted;
}

/**
 * Says that a case is on the screen until that is heard, or the case is not there any more: unheard, it is held for a
 * minute only. A refusal means that the claim has ended, and is thrown; the look at the claim says how.
 */
async function untilOpened(say: () => Promise<OpenedLease>, shown: () => boolean): Promise<OpenedLease> {
  for (;;) {
    try {
      return await say();
    } catch (error) {
      if (!isPassing(error)) throw error;
      await new Promise((resolve) => setTimeout(resolve, OPENED_AGAIN_MS));
      if (!shown()) throw error;
    }
  }
}

/** The desk: at most one case open, the next one prepared, the hold kept alive. */
export function useDesk(queue: string | null, tenant: string): DeskActions {
  const [desk, setDesk] = useState<Desk>({ phase: "resuming" });
  const latest = useRef<Desk>(desk);
  const apply = useCallback((event: DeskEvent) => {
    latest.current = reduceDesk(latest.current, event);
    setDesk(latest.current);
  }, []);
  const [notice, setNotice] = useState<string | null>(null);
  const queries = useQueryClient();
  const activity = useActivity();
  const hold = desk.phase === "open" ? desk.hold : null;
  useAttention(hold?.attention ?? null);
  const ahead = useLookAhead(queue, tenant, hold !== null, activity);
  const running = useRef<Promise<void> | null>(null);
  const workingFor = useRef(tenant);
  useEffect(() => {
    workingFor.current = tenant;
  }, [tenant]);

  const onRenewed = useCallback((claimId: string, lease: Lease) => apply({ type: "renewed", claimId, lease }), [apply]);
  const onEnded = useCallback(
    (claimId: string, why: string, gone: boolean) => apply({ type: "ended", claimId, why, gone }),
    [apply],
  );
  const onRevised = useCallback((claim: Claim) => apply({ type: "revised", claim }), [apply]);
  const leaseExpiresAt = desk.phase === "open" ? desk.leaseExpiresAt : null;
  useLease({ hold, leaseExpiresAt, activity, onRevised, onRenewed, onEnded });

  const show = useCallback(
    (claim: Claim) => {
      const next = new Hold(claim);
      apply({ type: "shown", hold: next, claim });
      if (claim.state !== "held") return onEnded(claim.claim_id, ENDINGS[claim.state].why, ENDINGS[claim.state].gone);
      const shown = () => isOpen(latest.current, claim.claim_id);
      untilOpened(() => next.renew(() => sayOpened(claim.claim_id, workingFor.current)), shown).then(
        (lease) => {
          onRenewed(claim.claim_id, lease);
          apply({ type: "overtaken", claimId: claim.claim_id, by: lease.overtaken_by ?? null });
        },
        () => queries.invalidateQueries({ queryKey: ["claim", claim.claim_id] }),
      );
      void queries.invalidateQueries({ queryKey: ["queue"] });
    },
    [onRenewed, onEnded, queries, apply],
  );

  /** Runs one change of the desk at a time. */
  const exclusively = useCallback(async (work: () => Promise<void>) => {
    const done = work().finally(() => {
      running.current = null;
    });
    running.current = done;
    await done;
  }, []);

  const change = useCallback(
    (fetch: () => Promise<Claim | null>, onNothing: DeskEvent) =>
      exclusively(async () => {
        setNotice(null);
        try {
          const claim = await fetch();
          if (claim) show(claim);
          else apply(onNothing);
        } catch (error) {
          apply({ type: "failed", why: explain(error) });
        }
      }),
    [exclusively, show, apply],
  );

  useEffect(() => {
    let here = true;
    const wanted = takeWanted();
    (wanted ? readClaim(wanted) : heldClaim()).then(
      (claim) => here && (claim ? show(claim) : apply({ type: "cleared" })),
      (error: unknown) => here && apply({ type: "failed", why: explain(error) }),
    );
    return () => {
      here = false;
    };
  }, [show, apply]);

  const openNext = useCallback(() => {
    if (!queue || running.current) return;
    const ready = ahead.use(null);
    if (ready) return show(ready);
    apply({ type: "asked" });
    void change(() => ahead.take(() => nextClaim(queue, tenant), null), { type: "emptied" });
  }, [queue, tenant, change, ahead, show, apply]);

  const openNamed = async (reviewId: string, name: string, ask: (queue: string) => Promise<Claim | null>) => {
    // A key that is pressed while the case before is still on its way is not lost.
    await running.current;
    const now = latest.current;
    if (!queue || (now.phase === "open" && now.hold.reviewId === reviewId)) return;
    const left = now.phase === "open" ? now.hold : null;
    await exclusively(async () => {
      try {
        const claim = await ahead.take(() => ask(queue), reviewId);
        if (claim) show(claim);
        setNotice(claim ? null : `${name} is not there for you any more.`);
        // The server gives it back by itself when the lease ends, should this not be heard.
        if (claim) left?.finish(() => releaseClaim(left.claimId)).catch(() => undefined);
      } catch (error) {
        setNotice(`${name}: ${explain(error)}`);
      }
    });
  };

  const openReview = ({ review_id: id, case_id: name, claimed_by_me: mine }: QueueItem) =>
    openNamed(id, name, (from) => (mine ? claimOn(id) : namedClaim(from, id)));

  const takeFirst = () => {
    const first = desk.phase === "open" ? desk.overtaken : null;
    if (first) void openNamed(first.review_id, first.title, (from) => namedClaim(from, first.review_id));
  };

  const takeAgain = ({ review_id: id, queue: from, context }: Claim) =>
    void openNamed(id, context.decision_required.case_id, () => namedClaim(from, id));

  const stay = () => {
    if (hold) apply({ type: "overtaken", claimId: hold.claimId, by: null });
  };

  const reopen = async (claimId: string) => {
    // The next case may still be on its way: it is put aside, not lost.
    await running.current;
    const now = latest.current;
    if (now.phase === "open" && now.claim.claim_id !== claimId) ahead.keep(now.claim);
    await change(() => readClaim(claimId), { type: "cleared" });
  };

  const lookAgain = () => {
    if (!hold) return;
    readClaim(hold.claimId).then(
      (claim) => hold.see(claim) && onRevised(claim),
      (error: unknown) => setNotice(explain(error)),
    );
  };

  const leave = (claimId: string) => {
    if (isOpen(latest.current, claimId)) openNext();
  };

  const tell = (claimId: string, words: string) => {
    if (!isOpen(latest.current, claimId)) setNotice(words);
  };

  /** Gives the open case up behind the next one. Unheard, the claim runs out by itself and the case comes round again. */
  const giveUp = (left: Hold, done: string, send: () => Promise<void>) => {
    const name = desk.phase === "open" ? desk.claim.context.decision_required.case_id : left.reviewId;
    left.finish(send).catch((error: unknown) => setNotice(`${name} was not ${done}. ${explain(error)}`));
  };

  const skip = () => {
    if (!hold || running.current) return;
    giveUp(hold, "skipped", () => skipClaim(hold.claimId));
    openNext();
  };

  const putBack = () => {
    if (!hold || running.current) return;
    setNotice(null);
    giveUp(hold, "put back", () => releaseClaim(hold.claimId));
    apply({ type: "cleared" });
    ahead.rest();
  };

  return {
    desk,
    notice,
    openNext,
    leave,
    tell,
    openReview,
    takeFirst,
    takeAgain,
    stay,
    reopen,
    lookAgain,
    skip,
    putBack,
    prepared: ahead.prepared,
  };
}

"""Busy periods: a lead declares one, says why, and it ends by itself at the moment it was given."""

from datetime import datetime, timedelta
from typing import Any

import orjson

from countersign_router.controls.events import ROUTER, Actor, change_control, control_fact
from countersign_router.domain.controls import ended
from countersign_router.repeats import Once, earlier, remember
from countersign_router.store import ControlChange, ControlKey, Store
from countersign_shared.clock import rfc3339
from countersign_shared.errors import CountersignError

LONGEST = timedelta(days=14)
"""What lasts longer is no peak; the policy should say it."""


class PeakRefusal(CountersignError):  # noqa: N818 - a refusal, not a fault
    """A peak cannot be set or ended as asked."""

    code = "peak_refused"


class PeakOver(PeakRefusal):
    """It would have ended before it began."""

    code = "peak_over"


class PeakTooLong(PeakRefusal):
    """It would last too long."""

    code = "peak_too_long"


class NoPeak(PeakRefusal):
    """There is none to end."""

    code = "no_peak"


async def set_peak(
    store: Store, *, tenant: str, decision_type: str, reason: str, until: datetime, actor: Actor,
    once: Once | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Declare a busy period of a scope until an aware moment, in place of the one there was; returns the body."""
    key = ControlKey("peak", tenant, decision_type)
    async with store.control_change() as change:
        given = await earlier(change, actor.pseudonym, once)
        if given is not None:
            return given
        moment = await change.moment()
        if until <= moment:
            raise PeakOver(f"`until` must lie ahead; it is {rfc3339(moment)} now")
        if until > moment + LONGEST:
            raise PeakTooLong(f"a peak lasts {LONGEST.days} days at most; what is longer belongs in the policy")
        state = {"active": True, "reason": reason, "expires_at": rfc3339(until)}
        return await _become(change, key, state, actor, once, moment)


async def clear_peak(
    store: Store, *, tenant: str, decision_type: str, reason: str, actor: Actor, once: Once | None = None
) -> dict[str, Any]:
    """End a busy period early; returns the event's body. ``NoPeak`` when there is none."""
    key = ControlKey("peak", tenant, decision_type)
    async with store.control_change() as change:
        given = await earlier(change, actor.pseudonym, once)
        if given is not None:
            return given
        moment = await change.moment()
        before = await change.find(key)
        present = None if before is None else orjson.loads(before.body)["state"]
        if present is None or not present["active"] or ended(present, moment):
            raise NoPeak("there is no peak of exactly this scope")
        state = {"active": False, "reason": reason, "expires_at": None}
        return await _become(change, key, state, actor, once, moment)


async def _become(
    change: ControlChange, key: ControlKey, state: dict[str, Any], actor: Actor, once: Once | None, moment: datetime
) -> dict[str, Any]:
    body = await change_control(
        change, key, state, actor=actor, signatures=(), moment=moment,
        fact=control_fact("control.changed", key, state["reason"], state),
    )  # fmt: skip
    await remember(change, actor.pseudonym, once, body, moment)
    return body


async def end_expired(store: Store, now: datetime) -> int:
    """Say on the record that controls have ended whose moment is past; returns how many.

    Batches go by the moment itself: nothing hangs on how soon this runs. Without anything to end it takes no lock.
    """
    if not any(_is_over(orjson.loads(body), now) for _, _, body in await store.controls()):
        return 0
    count = 0
    async with store.control_change() as change:
        moment = await change.moment()
        for key, stored in await change.present_controls():
            body = orjson.loads(stored)
            if _is_over(body, moment):
                state, reason = {**body["state"], "active": False}, "Its time is over."
                await change_control(
                    change, key, state, actor=ROUTER, signatures=(), moment=moment,
                    fact=control_fact("control.expired", key, reason, state),
                )  # fmt: skip
                count += 1
    return count


def _is_over(body: dict[str, Any], moment: datetime) -> bool:
    """Tell whether one of our own controls is on and past its moment."""
    state = body["state"]
    return body["kind"] in {"stop", "peak", "certificate.active"} and state.get("active", True) and ended(state, moment)

"""Asking for more confidence than the policy does: one person raises the bands at once, two let them down again."""

from collections.abc import Mapping
from typing import Any

import orjson

from countersign_router.controls.events import Actor, change_control, control_fact
from countersign_router.domain.controls import LOWERS, lowers
from countersign_router.repeats import Once, earlier, remember
from countersign_router.store import ControlChange, ControlKey, Store
from countersign_shared.contracts.events.control import control_key
from countersign_shared.errors import CountersignError
from countersign_shared.ids import derived_event_id

KIND = "bands.raised"


class BandsRefusal(CountersignError):  # noqa: N818 - a refusal, not a fault
    """The bands stay as they are."""

    code = "bands_refused"


class NotHigher(BandsRefusal):
    """They are raised by as much already; less is for two people."""

    code = "not_higher"


async def raise_bands(
    store: Store, key: ControlKey, *, high: float, medium: float, reason: str, actor: Actor, once: Once | None = None
) -> dict[str, Any]:
    """Raise the limits of a scope's bands by so much from the next batch on; returns the control's event body.

    ``NotHigher`` when a limit would be lower than it is, or neither would be higher.
    """
    async with store.control_change() as change:
        given = await earlier(change, actor.pseudonym, once)
        if given is not None:
            return given
        moment = await change.moment()
        before = await _raised(change, key)
        present = (0.0, 0.0) if before is None else _of(before["state"])
        if high < present[0] or medium < present[1] or (high, medium) == present:
            raise NotHigher(
                f"the limits are raised by {present[0]:g} (high) and {present[1]:g} (medium) already: give more, or "
                "have two people sign that the policy's own hold again (what waits for signatures lists it)"
            )
        revision = 1 if (stored := await change.find(key)) is None else stored.revision + 1
        state = {
            "tightening_id": derived_event_id(key.tenant, control_key(*key.parts).decode(), "raise", revision),
            "limits": [{"model_name": None, "model_version": None, "calibrator_version": None, "high": high,
                        "medium": medium}],
            "reason": reason, "evidence": None,
        }  # fmt: skip
        body = await change_control(
            change, key, state, actor=actor, signatures=(), moment=moment,
            fact=control_fact("control.changed", key, reason, state),
        )  # fmt: skip
        await remember(change, actor.pseudonym, once, body, moment)
        return body


async def _raised(change: ControlChange, key: ControlKey) -> dict[str, Any] | None:
    """Return the control's body while it holds."""
    stored = await change.find(key)
    if stored is None:
        return None
    body: dict[str, Any] = orjson.loads(stored.body)
    lowered = await change.find(ControlKey(LOWERS[KIND], *key.parts[1:]))
    return None if lowered is not None and lowers(orjson.loads(lowered.body)["state"], body) else body


def _of(state: Mapping[str, Any]) -> tuple[float, float]:
    (limits,) = state["limits"]
    return limits["high"], limits["medium"]

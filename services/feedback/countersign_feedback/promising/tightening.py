"""Raising the bands of a model whose confidences are too high, at once; people let them down again, or switch."""

from datetime import datetime

from countersign_feedback.domain.raised_bands import HIGH, MEDIUM, Raise, raise_for, still_holds, tightened
from countersign_feedback.domain.refits import BaseLabel, Refit, Speaker
from countersign_feedback.promising.following import Known, policy_of
from countersign_feedback.promising.writing import named, next_revision, write
from countersign_feedback.store.controls import ControlChange, ControlKey

ANY_TIER = "*"


async def tighten(
    change: ControlChange, known: Known, scope: tuple[str, str], speaker: Speaker, found: Refit,
    labels: list[BaseLabel], *, calibrator: str, now: datetime,
) -> None:  # fmt: skip
    """Ask for as much more confidence as the proposed calibrator says is missing; nothing where it says none is."""
    tenant, decision_type = scope
    policy = policy_of(known, tenant, decision_type)
    limits = ({} if policy is None else policy.state.get("bands")) or {}
    by = raise_for(found, labels, high=limits.get("high", HIGH), medium=limits.get("medium", MEDIUM))
    if not by:
        return
    key = ControlKey("bands.tightened", tenant, decision_type, ANY_TIER)
    before = await change.own_control(key)
    relaxed = known.get(ControlKey("bands.relaxed", tenant, decision_type, ANY_TIER))
    holds = before is not None and still_holds(
        (before.revision, before.state), None if relaxed is None else relaxed.state
    )
    present = before.state["limits"] if before is not None and holds else []
    raised = tightened(present, speaker, by)
    if raised == present:
        return
    revision = next_revision(before)
    state = {
        "tightening_id": named(key, revision, "tightening"), "limits": raised,
        "reason": _reason(found, by, calibrator), "evidence": {"calibrator": calibrator, "judged_on": found.judged_on},
    }  # fmt: skip
    await write(change, key, state, revision=revision, moment=now)


def _reason(found: Refit, by: Raise, calibrator: str) -> str:
    return (
        f"On {found.judged_on:,} judged cases the confidences were too high: what counts as high must be said with "
        f"{by.high:g} more, as medium with {by.medium:g} more, until the calibrator {calibrator} is switched on."
    )

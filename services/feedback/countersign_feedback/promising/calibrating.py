"""Proposing a calibrator when labels say that the present one cannot be taken at its word."""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from countersign_feedback.domain.facts import UNKNOWN
from countersign_feedback.domain.refits import Speaker, calibrator_state, refit
from countersign_feedback.promising.following import Known
from countersign_feedback.promising.looking import TAKING_TURNS
from countersign_feedback.promising.tightening import tighten
from countersign_feedback.promising.writing import next_revision, write
from countersign_feedback.store.controls import ControlChange, ControlKey, OwnControl

ANY_TIER = "*"
MOST_EARLIER = 8
"""Models that are remembered beside the one whose calibrator waits: more take no turns at one decision type."""


async def recalibrate(change: ControlChange, known: Known, tenant: str, decision_type: str, now: datetime) -> bool:
    """Propose a refit where it is surely better, and raise the bands meanwhile; tell whether one was proposed.

    One proposal waits at a time. It is renewed at the next look (``looked_at``), and makes room for another model's
    when that one has new labels to rest on; without them only once its own model has been silent for a while.
    """
    speaker = await change.speaking(tenant, decision_type)
    if speaker is None or speaker.model_name == UNKNOWN or speaker.artifact_sha256 is None:
        return False
    key = ControlKey("calibrator.proposed", tenant, decision_type, ANY_TIER)
    before = await change.own_control(key)
    rested = [] if before is None else _rested(before)
    labels, in_all = await change.calibration_labels(tenant, decision_type, speaker)
    last = max((one["labels_in_all"] for one in rested if _is(one, speaker)), default=0)
    if in_all <= last:
        waiting = rested[0] if last else None
        if waiting is None or _is(waiting, speaker):
            return False
        if await change.spoke_lately(tenant, decision_type, _model(waiting), TAKING_TURNS):
            return False
    found = await asyncio.to_thread(refit, labels, tenant=tenant)
    if found is None:
        return False
    revision = next_revision(before)
    version = f"{found.calibrator.method}-{revision}-{now:%Y%m%d}"
    state = calibrator_state(found, speaker, version=version, labels=len(labels), in_all=in_all)
    state["evidence"]["earlier"] = [one for one in rested if not _is(one, speaker)][:MOST_EARLIER]
    await tighten(change, known, (tenant, decision_type), speaker, found, labels, calibrator=version, now=now)
    await write(change, key, state, revision=revision, moment=now)
    return True


def _rested(before: OwnControl) -> list[dict[str, Any]]:
    """Return on how many labels the last proposal rested for each model and calibrator, the waiting one first."""
    said, evidence = before.state, before.state.get("evidence") or {}
    waiting = {
        "model_name": said["model_name"], "model_version": said["model_version"],
        "replaces": evidence.get("replaces", ""),
        "labels_in_all": int(evidence.get("labels_in_all", evidence.get("labels", 0))),
    }  # fmt: skip
    return [waiting, *evidence.get("earlier", [])]


def _model(rested: Mapping[str, Any]) -> tuple[str, str, str]:
    return rested["model_name"], rested["model_version"], rested["replaces"]


def _is(rested: Mapping[str, Any], speaker: Speaker) -> bool:
    return _model(rested) == (speaker.model_name, speaker.model_version, speaker.calibrator_version)

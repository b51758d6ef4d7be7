"""Proposing a calibrator when labels say that the present one cannot be taken at its word."""

import asyncio
from datetime import datetime

from countersign_feedback.domain.facts import UNKNOWN
from countersign_feedback.domain.refits import Speaker, calibrator_state, refit
from countersign_feedback.promising.following import Known
from countersign_feedback.promising.tightening import tighten
from countersign_feedback.promising.writing import next_revision, write
from countersign_feedback.store.controls import ControlChange, ControlKey, OwnControl

ANY_TIER = "*"


async def recalibrate(change: ControlChange, known: Known, tenant: str, decision_type: str, now: datetime) -> bool:
    """Propose a refit where it is surely better, and raise the bands meanwhile; tell whether one was proposed.

    One proposal per model and calibrator waits at a time, and is renewed at the next look (``looked_at``).
    """
    speaker = await change.speaking(tenant, decision_type)
    if speaker is None or speaker.model_name == UNKNOWN or speaker.artifact_sha256 is None:
        return False
    key = ControlKey("calibrator.proposed", tenant, decision_type, ANY_TIER)
    before = await change.own_control(key)
    labels, in_all = await change.calibration_labels(tenant, decision_type, speaker)
    if in_all <= _last(before, speaker):
        return False
    found = await asyncio.to_thread(refit, labels, tenant=tenant)
    if found is None:
        return False
    revision = next_revision(before)
    version = f"{found.calibrator.method}-{revision}-{now:%Y%m%d}"
    state = calibrator_state(found, speaker, version=version, labels=len(labels), in_all=in_all)
    await tighten(change, known, (tenant, decision_type), speaker, found, labels, calibrator=version, now=now)
    await write(change, key, state, revision=revision, moment=now)
    return True


def _last(before: OwnControl | None, speaker: Speaker) -> int:
    """Return on how many labels the last proposal for this model and calibrator rested, 0 when there was none."""
    if before is None:
        return 0
    said, evidence = before.state, before.state.get("evidence") or {}
    same = (said["model_name"], said["model_version"]) == (speaker.model_name, speaker.model_version)
    rested = evidence.get("labels_in_all", evidence.get("labels", 0))
    return int(rested) if same and evidence.get("replaces") == speaker.calibrator_version else 0

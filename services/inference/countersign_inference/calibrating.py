"""Kafka in, beside the cases: which calibrator is in force for which model version."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import TypeAdapter, ValidationError

from countersign_inference.domain.calibrators import (
    CalibratorError,
    RunningCalibrator,
    calibrator_of,
    recalibrated,
)
from countersign_inference.domain.scoring import Answer, AnyScorer, Question, Scored
from countersign_shared.contracts.events.control import ANY, CalibratorActive
from countersign_shared.messaging.cloudevents import Unreadable, read_event
from countersign_shared.messaging.records import Record

log = logging.getLogger(__name__)

TOPIC = "control.changed"
KIND = "calibrator.active"
WRITER = "/countersign/router"
"""The one writer of this kind: it has collected the signatures."""
_CONTROL = TypeAdapter(CalibratorActive)
Scope = tuple[str, str]
"""(tenant or `*`, decision type)"""


class Calibrators:
    """The calibrators in force. Follows the topic from its beginning, so a start knows them before its first case.

    An older revision than is known changes nothing. One for another model version takes ours back to how it was
    trained. One that cannot be read is an alarm and changes nothing: what was in force before it stays.
    """

    def __init__(self, scorers: Mapping[str, AnyScorer]) -> None:
        self._scorers = scorers
        self._revisions: dict[Scope, int] = {}
        self._active: dict[Scope, RunningCalibrator] = {}

    async def __call__(self, records: Sequence[Record]) -> None:
        """Take records in, in their order; repeats change nothing."""
        for record in records:
            self._take(record)

    def applied(self, decision_type: str, questions: Sequence[Question], answers: Sequence[Answer]) -> Sequence[Answer]:
        """Return a batch's answers under the calibrators in force; a tenant's own comes before everybody's.

        Called once per batch and without waiting, so a batch never has two calibrators for one tenant.
        """
        if not self._active:
            return answers
        chosen: dict[RunningCalibrator, list[int]] = {}
        for place, (question, answer) in enumerate(zip(questions, answers, strict=True)):
            found = self._active.get((question.tenant, decision_type)) or self._active.get((ANY, decision_type))
            if found is not None and isinstance(answer, Scored) and not answer.brought:
                chosen.setdefault(found, []).append(place)
        after = list(answers)
        for calibrator, places in chosen.items():
            scored = [answer for answer in (answers[place] for place in places) if isinstance(answer, Scored)]
            for place, answer in zip(places, recalibrated(scored, calibrator), strict=True):
                after[place] = answer
        return after

    def _take(self, record: Record) -> None:
        try:
            event = read_event(record)
        except Unreadable as error:
            log.critical("a control cannot be read at offset %d: %s", record.offset, error.detail)
            return
        if event.body.get("kind") != KIND:
            return
        if event.source != WRITER:
            log.critical("%s says which calibrator is active; only %s may", event.source, WRITER)
            return
        try:
            control = _CONTROL.validate_python(event.body)
            calibrator = calibrator_of(control.state.model_dump())
        except (ValidationError, CalibratorError) as error:
            log.critical("calibrator at offset %d is not taken: %s", record.offset, error)
            return
        self._switch(control, calibrator)

    def _switch(self, control: CalibratorActive, calibrator: RunningCalibrator) -> None:
        scope, state = (control.tenant, control.decision_type), control.state
        if control.revision <= self._revisions.get(scope, 0):
            return
        self._revisions[scope] = control.revision
        if not self._is_ours(control.decision_type, state.model_dump()):
            # What is in force for another model says nothing about ours, so ours is as it was trained.
            self._active.pop(scope, None)
            log.info("calibrator %s is for %s %s, which does not speak here", state.calibrator_version,
                     state.model_name, state.model_version)  # fmt: skip
            return
        self._active[scope] = calibrator
        log.info("calibrator %s is in force for %s of tenant %s", calibrator.version, scope[1], scope[0])

    def _is_ours(self, decision_type: str, state: Mapping[str, Any]) -> bool:
        scorer = self._scorers.get(decision_type)
        model = scorer.model if scorer is not None else None
        if model is None:
            return False
        same = model["name"] == state["model_name"] and model["version"] == state["model_version"]
        return same and model.get("artifact_sha256") in {None, state["artifact_sha256"]}

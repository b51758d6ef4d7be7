"""Confidences that promise too much, on a real PostgreSQL: a calibrator is proposed, and bands rise until then."""

from __future__ import annotations

import asyncpg
import pytest
from pydantic import TypeAdapter

from countersign_router.controls.records import Claim, read_control
from countersign_router.domain.controls import read_controls
from countersign_shared.contracts.events.control import ControlChanged
from countersign_shared.messaging.records import Record
from tests.integration.feedback.scene import (
    BANDS,
    CALIBRATOR,
    Scene,
    control,
    policy,
)

pytestmark = pytest.mark.postgres


async def test_confidences_that_promise_too_much_bring_a_calibrator_fitted_to_what_the_model_said(
    pool: asyncpg.Pool,
) -> None:
    scene = Scene(pool)
    await scene.take([policy()])
    # Sure of 0.90 to 0.99, right in three of four.
    await scene.cases(460, wrong=lambda n: n % 4 == 0, confidence=lambda n: 0.9 + 0.0009 * (n * 37 % 100), base=True)
    proposed = await scene.own(CALIBRATOR)
    assert proposed is not None
    TypeAdapter(ControlChanged).validate_json(proposed.message.value)
    state = proposed.state
    assert (state["method"], state["model_version"], state["artifact_sha256"]) == ("platt", "3", "d" * 64)
    assert state["evidence"]["log_loss_after"] < state["evidence"]["log_loss_before"]
    assert state["evidence"]["labels"] == 450
    raised = await scene.store.own_control(BANDS)
    assert raised is not None
    sent = Record("control.changed", 0, 0, 0, raised.message.key, raised.message.value, raised.message.headers)
    claim = read_control(sent)
    assert isinstance(claim, Claim), "the router believes it"
    (held,) = read_controls([claim.body]).raised_bands["default", "loan_application", "*"]
    (limits,) = raised.state["limits"]
    assert (held.model_version, held.calibrator_version, held.high) == ("3", limits["calibrator_version"], 0.1)
    assert (limits["model_name"], limits["model_version"]) == (state["model_name"], "3")
    assert limits["calibrator_version"] == state["evidence"]["replaces"]
    assert (limits["high"], limits["medium"]) == (0.1, 0.0)
    assert state["calibrator_version"] in raised.state["reason"]
    told = await scene.standing()
    assert told.tightened is not None
    assert (told.tightened.high, told.tightened.text) == (0.1, raised.state["reason"])
    order = await pool.fetch("SELECT key FROM outbox WHERE topic = 'control.changed' ORDER BY id")
    assert [row["key"].split(b"|")[0] for row in order][-2:] == [b"bands.tightened", b"calibrator.proposed"]
    scene.keeper.controlled()
    same = await scene.own(CALIBRATOR)
    assert same is not None
    assert same.revision == 1
    # People relaxed what they had read; a later look finds the same, and holds again.
    relaxed = {"tightening_id": raised.state["tightening_id"], "reason": "r", "evidence": {"revision": 1}}
    await scene.take([control("bands.relaxed", relaxed)])
    assert (await scene.standing()).tightened is None
    await scene.cases(230, wrong=lambda n: n % 4 == 0, confidence=lambda n: 0.9 + 0.0009 * (n * 37 % 100), base=True)
    again = await scene.own(BANDS)
    assert again is not None
    assert (again.revision, len(again.state["limits"])) == (2, 1)


async def test_a_model_with_more_labels_than_are_read_at_once_is_still_looked_at(
    pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("countersign_feedback.store.labels.MAX_CALIBRATION", 400)
    scene = Scene(pool)
    await scene.take([policy()])
    seen = []
    for count in (460, 60, 160):
        await scene.cases(
            count, wrong=lambda n: n % 4 == 0, confidence=lambda n: 0.9 + 0.0009 * (n * 37 % 100), base=True
        )
        proposed = await scene.own(CALIBRATOR)
        assert proposed is not None
        evidence = proposed.state["evidence"]
        seen.append((proposed.revision, evidence["labels"], evidence["labels_in_all"]))
    # Looked at 450 and 675; at 520 nothing is new. Of them all the newest 400 are read.
    assert seen == [(1, 400, 450), (1, 400, 450), (2, 400, 675)]


async def test_a_calibrator_waits_for_its_signatures_while_another_model_takes_turns(pool: asyncpg.Pool) -> None:
    scene = Scene(pool)
    await scene.take([policy()])
    seen = []
    for count, model in ((460, "3"), (460, "4"), (2, "3"), (2, "4"), (2, "3"), (70, "3"), (2, "4")):
        # Of the last but one the other has been silent for more than an hour: its calibrator makes room.
        await scene.cases(
            count,
            wrong=lambda n: n % 4 == 0,
            confidence=lambda n: 0.9 + 0.0009 * (n * 37 % 100),
            base=True,
            model=model,
        )
        proposed = await scene.own(CALIBRATOR)
        assert proposed is not None
        seen.append((proposed.revision, proposed.state["model_version"]))
    assert seen == [(1, "3"), *[(2, "4")] * 4, (3, "3"), (3, "3")]


async def test_a_model_of_which_nothing_is_judged_yet_brings_no_calibrator(pool: asyncpg.Pool) -> None:
    scene = Scene(pool)
    await scene.take([policy()])
    await scene.cases(20, base=True, judge=False)
    assert await scene.own(CALIBRATOR) is None


async def test_confidences_that_are_true_bring_no_calibrator(pool: asyncpg.Pool) -> None:
    scene = Scene(pool)
    await scene.take([policy()])
    await scene.cases(460, wrong=lambda n: n % 20 == 0, confidence=lambda n: 0.9 + 0.0009 * (n * 37 % 100))
    assert await scene.own(CALIBRATOR) is None

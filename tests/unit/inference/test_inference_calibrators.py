"""Calibrators that come into force while the service runs: what they do to a proposal, and which are believed."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from countersign_feedback.domain.calibration import fit
from countersign_inference.calibrating import Calibrators
from countersign_inference.domain.calibrators import CalibratorError, calibrator_of, recalibrated
from countersign_inference.domain.explanations import Spoken, in_per_cent, summary
from countersign_inference.domain.scoring import Abstained, Question, Scored
from countersign_shared.contracts.events.scored import Proposal
from countersign_shared.messaging.cloudevents import write_event
from countersign_shared.messaging.records import Record
from tests.unit.inference.loans import LOAN, questions, scorers

ALIKE = {"slope": 1.0, "intercept": 0.0}


def state(**changes: Any) -> dict[str, Any]:
    model = scorers()[LOAN].model
    return {
        "model_name": model["name"], "model_version": model["version"], "calibrator_version": "platt-2",
        "method": "platt", "parameters": {"slope": 0.5, "intercept": -0.2},
        "artifact_sha256": model["artifact_sha256"],
    } | changes  # fmt: skip


def control(revision: int = 1, *, source: str = "/countersign/router", tenant: str = "*", kind: str | None = None,
            **changes: Any) -> Record:  # fmt: skip
    body = {
        "kind": kind or "calibrator.active", "tenant": tenant, "decision_type": LOAN, "tier": "*", "revision": revision,
        "changed_at": "2026-03-02T12:00:00Z", "changed_by": "router", "signatures": [], "state": state(**changes),
    }  # fmt: skip
    message = write_event(
        "control.changed", event_id=f"c-{revision}", source=source, case_id="x", time="2026-03-02T12:00:00Z",
        body=orjson.dumps(body), partition=0,
    )  # fmt: skip
    return Record("control.changed", 0, revision, 0, message.key, message.value, message.headers)


async def taking(*records: Record) -> Calibrators:
    calibrators = Calibrators(scorers())
    await calibrators(records)
    return calibrators


def versions(calibrators: Calibrators, tenant: str = "default") -> set[str | None]:
    batch = [question._replace(tenant=tenant) for question in questions(20)]
    after = calibrators.applied(LOAN, batch, scorers()[LOAN].score(batch))
    return {answer.calibrator for answer in after if isinstance(answer, Scored)}


async def test_the_confidence_changes_and_nothing_else_is_lost():
    batch = questions(300)
    before = scorers()[LOAN].score(batch)
    after = (await taking(control())).applied(LOAN, batch, before)
    for one, other in zip(before, after, strict=True):
        if isinstance(one, Abstained):
            assert other == one
            continue
        assert other.calibrator == "platt-2"
        proposal = Proposal.model_validate(orjson.loads(orjson.dumps(other.proposal)))
        base = one.proposal["confidence"]
        expected = 1 / (1 + math.exp(-(0.5 * math.log(base / (1 - base)) - 0.2)))
        assert proposal.confidence == pytest.approx(expected)
        assert proposal.outcome == one.proposal["outcome"]
        assert proposal.alternatives[0].confidence == pytest.approx(1 - expected, abs=1e-6)
        assert f"with {expected:.0%} confidence." in proposal.explanation.summary
        assert other.probability["detail"]["base_confidence"] == base
        assert other.probability["value"] == proposal.confidence
        told = other.proposal["explanation"]
        total = told["base"] + told["rest"] + sum(factor["effect"] for factor in told["factors"])
        assert total == pytest.approx(math.log(expected / (1 - expected)), abs=2e-3)


@pytest.mark.parametrize("method", ["platt", "beta", "isotonic"])
def test_what_feedback_fits_gives_here_what_it_gives_there(method):
    rng = np.random.default_rng(7)
    confidence = rng.uniform(0.5, 1.0, 6_000)
    fitted = fit(method, confidence, (rng.random(6_000) < confidence**2).astype(float))
    ours = calibrator_of({"calibrator_version": "v", "method": method, "parameters": dict(fitted.parameters)})
    assert ours.apply(confidence) == pytest.approx(fitted.apply(confidence), abs=1e-12)


@given(
    st.sampled_from(["platt", "beta", "identity"]), st.floats(0, 50), st.floats(0, 50), st.floats(-50, 50),
    st.lists(st.floats(0, 1), min_size=2, max_size=20),
)  # fmt: skip
def test_no_calibrator_turns_the_order_around_or_leaves_the_unit_interval(method, a, b, c, confidences):
    found = calibrator_of({"calibrator_version": "v", "method": method, "parameters": {"a": a, "b": b, "c": c}})
    after = found.apply(np.sort(np.array(confidences)))
    assert ((after >= 0) & (after <= 1)).all()
    assert (np.diff(after) >= -1e-12).all()


@pytest.mark.parametrize(
    ("method", "parameters"),
    [
        ("platt", {}), ("platt", {"slope": -1.0, "intercept": 0.0}), ("platt", {"slope": math.nan, "intercept": 0.0}),
        ("platt", {"slope": 1.0, "intercept": -1e9}),
        ("platt", {"slope": True, "intercept": 0.0}), ("platt", {"slope": "1", "intercept": 0.0}),
        ("beta", {"a": 1.0, "b": -0.1, "c": 0.0}), ("beta", {"a": 1e9, "b": 0.0, "c": 0.0}),
        ("isotonic", {}), ("isotonic", {"x": [0.5], "y": [0.5, 0.6]}), ("isotonic", {"x": [0.6, 0.5], "y": [0.1, 0.2]}),
        ("isotonic", {"x": [0.5, 0.6], "y": [0.3, 0.2]}), ("isotonic", {"x": [0.5, 0.6], "y": [0.3, 1.2]}),
    ],
)  # fmt: skip
async def test_parameters_that_make_no_calibrator_leave_the_one_before_in_force(caplog, method, parameters):
    with pytest.raises(CalibratorError):
        calibrator_of({"calibrator_version": "v", "method": method, "parameters": parameters})
    calibrators = await taking(control(1), control(2, method=method, parameters=parameters, calibrator_version="bad"))
    assert versions(calibrators) == {"platt-2"}
    assert "not taken" in caplog.text


async def test_revisions_only_go_up_and_repeats_change_nothing():
    calibrators = await taking(control(2, calibrator_version="new"), control(1, calibrator_version="old"))
    assert versions(calibrators) == {"new"}
    await calibrators([control(2, calibrator_version="forged")])
    assert versions(calibrators) == {"new"}


@pytest.mark.parametrize(
    "changes", [{"model_version": "0"}, {"model_name": "other"}, {"artifact_sha256": "0" * 64}],
)  # fmt: skip
async def test_one_for_another_model_version_leaves_ours_as_it_was_trained(changes):
    assert versions(await taking(control(1, **changes))) == {None}
    assert versions(await taking(control(1), control(2, **changes))) == {None}


async def test_only_the_router_says_what_is_in_force(caplog):
    assert versions(await taking(control(1, source="/countersign/feedback"))) == {None}
    assert versions(await taking(control(1, kind="calibrator.proposed"))) == {None}
    broken = Record("control.changed", 0, 0, 0, b"k", b"{", ())
    assert versions(await taking(broken, control(1))) == {"platt-2"}
    assert "only /countersign/router may" in caplog.text


async def test_a_tenants_own_calibrator_comes_before_everybodys():
    calibrators = await taking(control(1), control(1, tenant="acme", calibrator_version="acmes"))
    assert versions(calibrators, "acme") == {"acmes"}
    assert versions(calibrators, "other") == {"platt-2"}


async def test_a_brought_proposal_is_nobodys_to_calibrate():
    calibrators = await taking(control(1))
    brought = Scored({"outcome": "approve", "confidence": 0.9}, {"value": 0.9, "detail": {}}, {}, brought=True)
    assert calibrators.applied(LOAN, [Question({})], [brought]) == [brought]


@pytest.mark.parametrize(
    ("confidence", "told"),
    [(0.8, "80%"), (0.9949, "99%"), (0.9951, "over 99%"), (0.999999, "over 99%"), (1.0, "100%"), (0.0, "0%"),
     (0.004, "under 1%")],
)  # fmt: skip
def test_no_confidence_is_told_as_a_certainty_that_it_is_not(confidence: float, told: str):
    assert in_per_cent(confidence) == told
    base = {"outcome": "a", "confidence": 0.9963, "alternatives": [],
            "explanation": {"summary": summary("A", 0.9963, Spoken([], [], [])), "rest": 0.0}}  # fmt: skip
    assert base["explanation"]["summary"].startswith("Proposes A with over 99% confidence.")
    line = {"calibrator_version": "v", "method": "isotonic", "parameters": {"x": [0.5], "y": [confidence]}}
    (after,) = recalibrated([Scored(base, {"value": 0.9963, "detail": {}}, {})], calibrator_of(line))
    assert after.proposal["explanation"]["summary"].startswith(f"Proposes A with {told} confidence.")
    # JSON has no infinity.
    assert math.isfinite(after.proposal["explanation"]["rest"])


def test_certainty_leaves_nothing_for_the_others():
    answer = Scored(
        {"outcome": "a", "confidence": 1.0, "alternatives": [{"outcome": "b", "confidence": 0.0}],
         "explanation": {"summary": "Proposes A with 100% confidence."}},
        {"value": 1.0, "detail": {}}, {},
    )  # fmt: skip
    (after,) = recalibrated([answer], calibrator_of({
        "calibrator_version": "v", "method": "isotonic", "parameters": {"x": [0.5, 1.0], "y": [0.4, 0.8]},
    }))  # fmt: skip
    assert after.proposal["confidence"] == 0.8
    assert after.proposal["explanation"]["summary"] == "Proposes A with 80% confidence."

"""The body of case.scored: what was found out about a case, under the model that said it, or under none."""

from __future__ import annotations

from typing import Any

import orjson

from countersign_inference.domain.arrivals import Arrival, firsts
from countersign_inference.domain.completeness import Checklist
from countersign_inference.domain.scored_event import scored_body
from countersign_inference.domain.scoring import Abstained, Answer, Scored
from countersign_shared.contracts.events.scored import CaseScored
from tests.unit.inference.loans import LOAN, body_of, decision_types, questions, scorers

MODEL = {"name": "m", "version": "1", "artifact_sha256": "ab" * 32, "calibrator_version": "trained"}


def arrival(body: dict[str, Any], partition: int = 0) -> Arrival:
    return Arrival((body.get("tenant", "default"), body["case_id"]), LOAN, b"", body, b"", partition, None)


def scored(answer: Answer, **changes: Any) -> dict[str, Any]:
    body = body_of(0, **changes)
    found = scored_body(
        arrival(body), case=body, payload_sha256="cd" * 32, answer=answer,
        completeness=Checklist(decision_types()[LOAN]).check(body["payload"]), model=MODEL, latency_ms=0.5,
    )  # fmt: skip
    CaseScored.model_validate_json(orjson.dumps(found))
    return found


def ours() -> Scored:
    (answer,) = scorers()[LOAN].score(questions(1))
    assert isinstance(answer, Scored)
    return answer


def test_it_names_the_model_and_the_calibrator_that_spoke() -> None:
    answer = ours()
    body = scored(answer, subject_ref="applicant-1")
    assert (body["model"], body["proposal"], body["sequence"]) == (MODEL, answer.proposal, 1)
    assert (body["subject_ref"], body.get("abstained")) == ("applicant-1", None)
    assert scored(answer._replace(calibrator="live"))["model"] == {**MODEL, "calibrator_version": "live"}
    signals = body["signals"]
    assert (signals["probability"], signals["similarity"]) == (answer.probability, answer.similarity)
    assert (signals["consensus"]["value"], signals["rule_clarity"]["value"]) == (None, None)
    agreed = answer._replace(consensus={"value": 1.0}, rule_clarity={"value": 0.5})
    assert [scored(agreed)["signals"][name]["value"] for name in ("consensus", "rule_clarity")] == [1.0, 0.5]


def test_no_model_of_ours_stands_for_a_proposal_that_came_along() -> None:
    """A certificate is about a model version: what upstream proposes must never pass for it."""
    for calibrator in (None, "live"):
        assert scored(ours()._replace(brought=True, calibrator=calibrator))["model"] is None


def test_an_abstention_has_no_proposal_and_no_signal_of_one() -> None:
    body = scored(Abstained("missing_input", "the model needs Term"))
    assert (body["proposal"], body["abstained"]["reason"]) == (None, "missing_input")
    for name in ("probability", "similarity", "consensus"):
        assert body["signals"][name] == {"value": None, "reason": "abstained: missing_input"}
    assert body["signals"]["completeness"]["value"] == 1.0


def test_of_repeats_in_a_batch_the_first_counts_in_the_order_of_keys() -> None:
    batch = [arrival({"case_id": case}, number) for number, case in enumerate(["b", "a", "b", "c", "a"])]
    assert [(one.key[1], one.partition) for one in firsts(batch)] == [("a", 1), ("b", 0), ("c", 3)]

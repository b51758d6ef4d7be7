"""Where a case goes: what cannot be judged, bands, exceptions, adjustments, deadlines."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from countersign_router.domain.controls import ANY, Certificate, Controls, RaisedBands, Switch
from countersign_router.domain.policy import TIERS, Policy
from countersign_router.domain.reasons import Reason
from countersign_router.domain.routing import route, route_without_policy
from tests.unit.router.cases import NEVER_DRAWN, NOW, bent, scored, shipped
from tests.unit.router.routed import CALM, SIZES, codes, routed, with_payload


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"payload": with_payload(loan_amount=None)}, "missing_input"),
        ({"payload": with_payload(loan_amount=90000)}, "invalid_input"),
        ({"payload": with_payload(loan_amount="90000.001")}, "invalid_input"),
        ({"payload": with_payload(loan_amount={"value": "90000", "currency": "EUR"})}, "invalid_input"),
        ({"payload": with_payload(consumer_credit_record="excellent")}, "invalid_input"),
        ({"payload": with_payload(information_verified=1)}, "invalid_input"),
        ({"payload": with_payload(loan_to_value=float("nan"))}, "invalid_input"),
        ({"outcome": None}, "abstained"),
        ({"outcome": "maybe"}, "unknown_outcome"),
        ({"confidence": 1.000001}, "invalid_confidence"),
        ({"confidence": -0.000001}, "invalid_confidence"),
        ({"confidence": float("nan")}, "invalid_confidence"),
        ({"confidence": True}, "invalid_confidence"),
        ({"missing": ("term_months",)}, "missing_fields"),
    ],
)
def test_what_cannot_be_judged_goes_to_a_person_with_the_reason(change: dict[str, Any], code: str) -> None:
    routing = routed(**change)
    assert routing.level == 4
    assert code in codes(routing)
    assert not routing.would_automate
    assert routing.band is None
    assert routing.queue == "underwriting"


@pytest.mark.parametrize(
    ("confidence", "said"),
    [
        (0.97, "high confidence (0.970; high above 0.9"),
        (0.9, "medium confidence (0.900; high above 0.9"),
        (0.90004, "high confidence (0.90004; high above 0.9"),
        (0.89996, "medium confidence (0.89996; high above 0.9"),
        (0.69996, "low confidence (0.69996; high above 0.9, medium from 0.7)"),
        (0.99996, "high confidence (0.99996; high above 0.9"),
        (1.0, "high confidence (1.000; high above 0.9"),
        (0.0004, "low confidence (0.0004; high above 0.9"),
    ],
)
def test_a_confidence_is_not_told_as_if_it_stood_on_the_limit_beside_it(confidence: float, said: str) -> None:
    (matrix,) = [one for one in routed(confidence=confidence).reasons if one["code"] == "matrix"]
    assert said in matrix["text"]


def test_a_certificate_begins_where_it_does() -> None:
    policy = bent(automation={"certificate": "required"})
    live = Certificate("c", 0.9995, "1", "platt-1", policy.policy.automation_sha256)
    controls = Controls(certificates={("default", "loan_application", "negligible"): live})
    (reason,) = [one for one in routed(policy, controls, confidence=0.9994).reasons if one["code"] == "no_certificate"]
    assert reason["text"] == "The certificate of negligible consequence begins at a confidence of 0.9995."
    void = Controls(certificates={("default", "loan_application", "negligible"): replace(live, model_version="2")})
    for held, said in ((CALM, "No certificate covers"), (void, "No certificate that holds for this model and policy")):
        (reason,) = [one for one in routed(policy, held).reasons if one["code"] == "no_certificate"]
        assert (reason["text"].startswith(said), routed(policy, held).level) == (True, 3)
    at = routed(policy, controls, confidence=0.9995)
    assert (at.certificate, at.automatic, at.queue, at.due_at) == ("live", True, None, None)


def test_a_confidence_may_be_written_as_a_whole_number() -> None:
    assert routed(confidence=1) == routed(confidence=1.0)
    assert (routed(confidence=1).band, routed(confidence=0).band) == ("high", "low")


def test_one_missing_input_is_one_reason_and_no_fault_of_the_policy() -> None:
    routing = routed(payload=with_payload(loan_amount=None), missing=("loan_amount",))
    assert codes(routing) == ["missing_input"]
    assert (routing.level, routing.incomplete, routing.policy_failed) == (4, True, False)
    assert routing.reasons[0]["text"] == "The policy needs Loan amount, and the case has none."
    # What the policy does not read is told beside it, and an expression that fails by itself is still the policy's.
    both = routed(payload=with_payload(loan_amount=None), missing=("loan_amount", "term_months"))
    assert codes(both) == ["missing_input", "missing_fields"]
    assert both.reasons[1]["text"] == "The case lacks Term."
    assert both.reasons[1]["values_read"] == {"missing_fields": ["term_months"], "invalid_fields": []}
    rule = {"id": "alone", "when": "signals.consensus < 0.5 && case.loan_to_value > 0.0", "level": 3}
    failing = routed(bent(exceptions=[rule]), payload=with_payload(loan_amount=None), signals={"consensus": None})
    assert (codes(failing), failing.policy_failed) == (["missing_input", "evaluation_error"], True)
    assert not routed().incomplete
    unread = scored() | {"invalid_fields": [{"pointer": "/term_months", "detail": "no"}]}
    assert route(unread, shipped().policy, CALM, NOW, NEVER_DRAWN).incomplete


def test_one_unusable_input_is_one_reason() -> None:
    case = scored(payload=with_payload(loan_amount="much"))
    case["invalid_fields"] = [
        {"pointer": "/loan_amount", "detail": "no amount"},
        {"pointer": "/lot/0", "detail": "no"},
        {"pointer": "/term_months", "detail": "no"},
    ]
    routing = route(case, shipped().policy, CALM, NOW, NEVER_DRAWN)
    assert codes(routing) == ["invalid_input", "invalid_fields"]
    # A field that the decision type does not name for people keeps its own name.
    assert routing.reasons[1]["text"] == "The case has unusable /lot/0, Term."
    assert routing.reasons[1]["values_read"]["invalid_fields"] == ["/lot/0", "/term_months"]
    assert (routing.level, routing.incomplete, routing.policy_failed) == (4, True, False)


def test_an_error_value_is_an_error() -> None:
    loaded = bent(
        exceptions=[{"id": "divide", "when": "case.loan_amount / (case.loan_amount - usd(90000)) > 1", "level": 3}]
    )
    routing = routed(loaded)
    assert (routing.level, routing.policy_failed) == (4, True)
    reason = routing.reasons[0]
    assert (reason["code"], reason["rule_id"]) == ("evaluation_error", "exceptions[0].when")
    assert "divide by zero" in reason["text"]
    assert reason["values_read"] == {"case.loan_amount": 9_000_000}


@pytest.mark.parametrize("factor", ["5", "-1", "case.loan_amount"])
def test_a_factor_out_of_range_is_an_error(factor: str) -> None:
    consequence = {
        "factors": dict.fromkeys(("financial", "customer", "compliance", "reputation"), "0") | {"reversibility": factor}
    }
    routing = routed(bent(consequence=consequence))
    assert "evaluation_error" in codes(routing)
    assert routing.consequence is not None
    assert (routing.level, routing.consequence.tier) == (4, "critical")


def test_a_signal_that_an_expression_needs_and_nobody_has_is_an_error() -> None:
    rule = {"id": "alone", "when": "signals.consensus < 0.5", "level": 3}
    routing = routed(bent(exceptions=[rule]))
    assert "evaluation_error" in codes(routing)
    said = next(one["text"] for one in routing.reasons if one["code"] == "evaluation_error")
    assert said == "The policy's exceptions[0].when could not be evaluated: signals.consensus is not there."
    guarded = {**rule, "when": "has(signals.consensus) && signals.consensus < 0.5"}
    assert routed(bent(exceptions=[guarded])).level == 1


def test_the_limits_are_where_the_design_puts_them() -> None:
    for confidence, expected in ((0.9000001, "high"), (0.9, "medium"), (0.7, "medium"), (0.6999999, "low")):
        assert routed(confidence=confidence).band == expected


@pytest.mark.parametrize(
    ("signals", "expected"),
    [
        ({"similarity": 0.04}, ("medium", "similarity_cap")),
        ({"similarity": None}, ("medium", "similarity_cap")),
        ({"completeness": 0.99}, ("low", "completeness_cap")),
        ({"consensus": 0.5}, ("medium", "consensus_cap")),
        ({"consensus": None, "rule_clarity": None}, ("high", "matrix")),
    ],
)
def test_signals_can_only_pull_the_band_down(signals: dict[str, float | None], expected: tuple[str, str]) -> None:
    routing = routed(signals=signals)
    assert routing.band == expected[0]
    assert expected[1] in codes(routing)


@pytest.mark.parametrize("value", [1.0001, -0.0001, float("nan"), True, "0.9", None])
def test_a_signal_that_is_no_share_is_unknown(value: Any) -> None:
    routing = routed(signals={"similarity": value})
    said = [one["text"] for one in routing.reasons if one["code"] == "similarity_cap"]
    assert said == ["The signal similarity is unknown, so the confidence counts as medium at most."]
    assert routed(signals={"similarity": 1, "completeness": 1}).band == "high"
    (none,) = [one["text"] for one in routed(signals={"similarity": 0}).reasons if one["code"] == "similarity_cap"]
    assert none.startswith("The signal similarity is 0, so")


def test_the_first_exception_counts_and_can_only_raise() -> None:
    rules = [
        {"id": "one", "when": "case.loan_to_value > 50.0", "level": 1, "queue": "intake", "reason": "one"},
        {"id": "two", "when": "true", "level": 5, "queue": "compliance"},
    ]
    assert routed(bent(exceptions=rules)).level == 1
    routing = routed(bent(exceptions=rules), confidence=0.1)
    assert (routing.level, routing.queue) == (3, "intake")


def test_adjustments_name_themselves() -> None:
    routing = routed(payload=with_payload(owner_occupied=False), confidence=0.93)
    assert routing.thresholds is not None
    assert (routing.thresholds.high, routing.band, routing.level) == (0.95, "medium", 2)
    assert routing.thresholds.adjustments == (
        {"id": "not-owner-occupied", "bands": {"high": 0.05, "medium": 0.0}, "level_at_least": None},
    )


@pytest.mark.parametrize(
    ("moved", "limits"),
    [
        ([(0.05, 0.1), (0.02, 0.05)], (0.97, 0.85)),
        ([(0.3, 0.0)], (1.0, 0.7)),
        ([(-0.3, 0.1)], (0.6, 0.6)),
        ([(-0.5, -0.5), (-0.5, -0.5)], (0.0, 0.0)),
    ],
)
def test_adjustments_add_up_and_a_limit_stays_a_share(
    moved: list[tuple[float, float]], limits: tuple[float, float]
) -> None:
    rules = [
        {"id": f"rule-{number}", "when": "true", "bands": {"high": high, "medium": medium}}
        for number, (high, medium) in enumerate(moved)
    ]
    other = {"id": "other", "when": "false", "bands": {"high": -0.4, "medium": -0.4}}
    found = routed(bent(adjust=[*rules, other])).thresholds
    assert found is not None
    assert (found.high, found.medium) == limits
    assert [one["id"] for one in found.adjustments] == [rule["id"] for rule in rules]


@pytest.mark.parametrize(
    ("weight", "chance"),
    [
        ("0.0", 0.1),
        ("1.5", 0.25),
        ("1000000.0", 1.0),
        ("-0.1", None),
        ("1000000.1", None),
        ("0.0 / 0.0", None),
        ("signals.consensus", None),
    ],
)
def test_a_weight_of_an_audit_that_is_none_is_for_a_person(weight: str, chance: float | None) -> None:
    routing = routed(bent(sampling={"audit": {"level1": 0.1, "by": weight}}))
    assert (routing.level, routing.policy_failed) == ((4, True) if chance is None else (1, False))
    assert routing.samples.audit.probability == (chance or 0.0)


def test_only_what_a_rule_says_names_a_rule() -> None:
    rule = {"id": "mine", "when": "true", "level": 3}
    reasons = routed(bent(exceptions=[rule])).reasons
    found = {one["code"]: one.get("rule_id", "none") for one in reasons}
    assert found == {"consequence": "none", "matrix": "none", "exception": "mine"}
    assert reasons[-1]["text"] == "Rule mine applies."


def test_peak_loosens_only_where_the_policy_says_so() -> None:
    peak = Controls(peaks={(ANY, ANY): Switch("quarter end")})
    over = Controls(peaks={(ANY, ANY): Switch("quarter end", expires_at=NOW)})
    assert routed(confidence=0.89, controls=peak).band == "high"
    assert routed(confidence=0.89, controls=over).band == "medium"
    assert routed(confidence=0.89, controls=peak, payload=with_payload(loan_amount=SIZES["low"])).band == "medium"


def test_raised_bands_hold_back_and_say_so_and_leave_what_certificates_are_about() -> None:
    raises = (
        RaisedBands("bands.raised", 0.05, 0.1, "a flood of claims"),
        RaisedBands("bands.tightened", 0.01, 0.0, "drift"),
    )
    held = Controls(raised_bands={("default", ANY, ANY): raises})
    routing = routed(confidence=0.93, controls=held)
    assert (routing.level, routing.band, routing.would_automate, routing.queue) == (2, "medium", True, None)
    assert routing.thresholds is not None
    assert (routing.thresholds.high, routing.thresholds.medium) == (0.95, 0.8)
    # The other reaches no confidence as high as this one.
    (said,) = [one for one in routing.reasons if one["code"].startswith("bands")]
    assert said["text"].startswith(
        "The bands are raised: high above 0.95, medium from 0.8, so the confidence counts as medium."
    )
    assert (said["code"], said["level"]) == ("bands_raised", 2)
    assert [(one["id"], one["bands"]["high"]) for one in routing.thresholds.adjustments] == [
        ("bands.raised", 0.05), ("bands.tightened", 0.01),
    ]  # fmt: skip
    both = routed(payload=with_payload(owner_occupied=False), controls=held).thresholds
    assert both is not None
    assert (both.high, [one["id"] for one in both.adjustments]) == (
        1.0, ["not-owner-occupied", "bands.raised", "bands.tightened"],
    )  # fmt: skip
    # What could not be judged has no band to lower.
    assert routed(outcome=None, controls=held).reasons == routed(outcome=None).reasons


def test_a_fresh_policy_can_ask_for_people() -> None:
    loaded = bent(adjust=[{"id": "fresh", "when": "policy.age < duration('168h')", "level_at_least": 3}])
    young = replace(loaded.policy, published_at=NOW - timedelta(days=2))
    routing = route(scored(), young, CALM, NOW, NEVER_DRAWN)
    assert (routing.level, routing.would_automate) == (3, True)
    assert routing.reasons[-1]["values_read"] == {"policy.age": "172800s"}
    assert routed(loaded).level == 1


def test_an_adverse_outcome_needs_a_person_unless_the_policy_says_otherwise() -> None:
    refused = routed(outcome="decline")
    assert "outcome_needs_person" in codes(refused)
    # Those who decide say why.
    assert refused.principal_reasons == ()
    easy = {"factors": dict.fromkeys(("financial", "customer", "compliance", "reputation", "reversibility"), "0")}
    allowed = bent(outcomes={"approve": {}, "decline": {"automatic": True}}, consequence=easy)
    routing = routed(allowed, outcome="decline")
    assert routing.level == 1
    assert [one["code"] for one in routing.principal_reasons] == ["loan_to_value_too_high"]


def test_an_adverse_outcome_without_a_reason_to_tell_is_not_automatic() -> None:
    easy = {"factors": dict.fromkeys(("financial", "customer", "compliance", "reputation", "reversibility"), "0")}
    allowed = bent(outcomes={"approve": {}, "decline": {"automatic": True}}, consequence=easy)
    case = scored(outcome="decline")
    case["proposal"]["explanation"]["factors"][0]["direction"] = "against"
    routing = route(case, allowed.policy, CALM, NOW, NEVER_DRAWN)
    assert (routing.level, routing.would_automate) == (3, False)
    assert "no_principal_reason" in codes(routing)


def test_a_deadline_of_the_case_comes_first() -> None:
    soon = routed(outcome="decline", deadline_at="2026-01-15T14:00:00Z")
    late = routed(outcome="decline", deadline_at="2027-01-15T14:00:00Z")
    past = routed(outcome="decline", deadline_at="2020-01-15T14:00:00Z")
    assert soon.due_at is not None
    assert soon.due_at.isoformat() == "2026-01-15T14:00:00+00:00"
    assert late.due_at == NOW + timedelta(hours=24)
    assert past.due_at == NOW


def test_four_eyes_when_in_doubt() -> None:
    needed = bent(reviewers={"four_eyes_when": "case.loan_amount > usd(100000)"})
    assert routed(needed, outcome="decline").reviewers_required == 1
    assert routed(needed, outcome="decline", payload=with_payload(loan_amount=SIZES["low"])).reviewers_required == 2
    assert routed(needed, payload=with_payload(loan_amount=None)).reviewers_required == 2


def test_without_a_proposal_the_worst_outcome_counts() -> None:
    routing = routed(outcome=None)
    assert routing.consequence is not None
    assert routing.consequence.tier == "high"
    assert [one["text"] for one in routing.reasons] == ["The AI makes no proposal: no model is registered."]
    rule = {"id": "one", "when": "proposal.outcome == 'decline' && 1 / (case.loan_amount - case.loan_amount) > 0"}
    for exceptions in ([rule | {"level": 3}], [rule | {"level": 3}, {"id": "other", "when": "true", "level": 5}]):
        assert "evaluation_error" in codes(routed(bent(exceptions=exceptions), outcome=None))


def test_where_no_policy_speaks_one_person_decides() -> None:
    reason: Reason = {"code": "no_policy", "text": "No policy.", "values_read": {}}
    routing = route_without_policy(reason, queue="loans", now=NOW, sla=timedelta(hours=8), at_risk=0.75)
    assert (routing.level, routing.would_automate, routing.automatic) == (4, False, False)
    assert (routing.queue, routing.reviewers_required, routing.withhold) == ("loans", 1, "never")
    assert (routing.due_at, routing.at_risk_at) == (NOW + timedelta(hours=8), NOW + timedelta(hours=6))
    assert {draw.probability for draw in routing.samples} == {0.0}


def test_priority_follows_consequence() -> None:
    assert [routed(payload=with_payload(loan_amount=SIZES[tier])).priority for tier in TIERS] == [0, 200, 400, 600, 800]


def test_a_policy_is_not_changed_by_use() -> None:
    policy: Policy = shipped().policy
    before = repr(policy)
    routed()
    assert repr(policy) == before

"""The rules that do not bend, over generated policies and cases."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from countersign_router.domain.controls import ANY, Certificate, Controls, Switch
from countersign_router.domain.policy import BANDS, TIERS, Policy
from countersign_router.domain.routing import Routing, route
from countersign_router.domain.sampling import wire
from countersign_router.language.loading import LoadedPolicy
from tests.unit.router.cases import ALWAYS_DRAWN, DRAWS, NEVER_DRAWN, NOW, PAYLOAD, bent, scored, shipped

CALM = Controls()
SIZES = {
    "negligible": "90000.00",
    "low": "150000.00",
    "medium": "200000.00",
    "high": "300000.00",
    "critical": "500000.00",
}


def routed(
    loaded: LoadedPolicy | None = None, controls: Controls = CALM, draws: Any = NEVER_DRAWN, **case: Any
) -> Routing:
    return route(scored(**case), (loaded or shipped()).policy, controls, NOW, draws)


def codes(routing: Routing) -> list[str]:
    return [reason["code"] for reason in routing.reasons]


def with_payload(**changes: Any) -> dict[str, Any]:
    payload = {**PAYLOAD, **changes}
    return {name: value for name, value in payload.items() if value is not None}


def matrices() -> st.SearchStrategy[dict[str, dict[str, int]]]:
    """Monotone ones: cumulative maxima over a random grid."""

    def monotone(grid: list[list[int]]) -> dict[str, dict[str, int]]:
        rows: dict[str, dict[str, int]] = {}
        above = [1, 1, 1]
        for tier, row in zip(TIERS, grid, strict=True):
            levels: list[int] = []
            for band, level in enumerate(row):
                levels.append(max(level, above[band], levels[-1] if levels else 1))
            rows[tier] = dict(zip(BANDS, levels, strict=True))
            above = levels
        return rows

    return st.lists(st.lists(st.integers(1, 5), min_size=3, max_size=3), min_size=5, max_size=5).map(monotone)


def policies() -> st.SearchStrategy[LoadedPolicy]:
    return st.builds(
        bent,
        matrix=matrices(),
        bands=st.tuples(st.floats(0.5, 0.8), st.floats(0.81, 0.99)).map(lambda two: {"medium": two[0], "high": two[1]}),
        never_automate=st.sampled_from([None, "case.bankruptcy_on_record", "proposal.confidence < 0.6"]),
        exceptions=st.sampled_from([
            None,
            [{"id": "equity", "when": "case.loan_to_value > 90.0", "level": 4}],
            [{"id": "unsure", "when": "confidence < 0.8", "level": 3}, {"id": "big", "when": "true", "level": 2}],
        ]),
        automation=st.sampled_from([{"certificate": "not_required"}, {"certificate": "required"}]),
    )  # fmt: skip


probabilities = st.floats(0.0, 1.0)


@settings(max_examples=20, deadline=None)
@given(loaded=policies(), confidences=st.tuples(probabilities, probabilities), size=st.sampled_from(TIERS))
def test_lower_confidence_never_lowers_the_level(
    loaded: LoadedPolicy, confidences: tuple[float, float], size: str
) -> None:
    low, high = sorted(confidences)
    payload = with_payload(loan_amount=SIZES[size])
    assert (
        routed(loaded, confidence=low, payload=payload).level >= routed(loaded, confidence=high, payload=payload).level
    )


@settings(max_examples=20, deadline=None)
@given(loaded=policies(), confidence=probabilities, outcome=st.sampled_from(["approve", "decline"]))
def test_higher_consequence_never_lowers_the_level(loaded: LoadedPolicy, confidence: float, outcome: str) -> None:
    levels = [
        routed(loaded, confidence=confidence, outcome=outcome, payload=with_payload(loan_amount=SIZES[tier])).level
        for tier in TIERS
    ]
    assert all(lower <= higher for lower, higher in pairwise(levels))


@settings(max_examples=20, deadline=None)
@given(loaded=policies(), confidence=probabilities, bankrupt=st.booleans(), ratio=st.floats(0, 200), draw=probabilities)
def test_the_floor_is_never_crossed_and_the_same_question_gets_the_same_answer(
    loaded: LoadedPolicy, confidence: float, bankrupt: bool, ratio: float, draw: float
) -> None:
    case = scored(confidence=confidence, payload=with_payload(bankruptcy_on_record=bankrupt, loan_to_value=ratio))
    first = route(case, loaded.policy, CALM, NOW, lambda *_: draw)
    assert route(case, loaded.policy, CALM, NOW, lambda *_: draw) == first
    if "never_automate" in codes(first):
        assert first.level >= 3
        assert not first.would_automate
    if first.automatic:
        assert first.would_automate
        assert first.band is not None
        assert loaded.policy.matrix[first.consequence.tier][first.band] <= 2  # type: ignore[union-attr]
        assert loaded.document.automation.certificate == "not_required"


@settings(max_examples=40, deadline=None)
@given(
    payload=st.dictionaries(
        st.sampled_from(sorted(PAYLOAD)),
        st.one_of(
            st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20),
            st.lists(st.integers(), max_size=2),
            st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=2), st.just("9" * 400), st.just(2**70),
        ),
        max_size=6,
    ),
    confidence=st.one_of(st.floats(), st.none(), st.text(max_size=3), st.booleans(), st.integers(-2, 3)),
)  # fmt: skip
def test_nothing_odd_is_ever_automated(payload: dict[str, Any], confidence: Any) -> None:
    """Whatever stands in the payload: only a case whose every input has its exact type can be automatic."""
    routing = routed(payload={**PAYLOAD, **payload}, confidence=confidence)
    if any(reason["code"] in {"missing_input", "invalid_input", "evaluation_error"} for reason in routing.reasons):
        assert routing.level >= 4
    if routing.automatic:
        assert confidence.__class__ in {int, float}
        assert 0 <= confidence <= 1
    assert routing.reasons


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
        ({"confidence": 1.2}, "invalid_confidence"),
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


def test_one_missing_input_is_one_reason_and_no_fault_of_the_policy() -> None:
    routing = routed(payload=with_payload(loan_amount=None), missing=("loan_amount",))
    assert codes(routing) == ["missing_input"]
    assert (routing.level, routing.incomplete, routing.policy_failed) == (4, True, False)
    assert routing.reasons[0]["text"] == "The policy needs loan_amount, and the case has none."
    # What the policy does not read is told beside it, and an expression that fails by itself is still the policy's.
    both = routed(payload=with_payload(loan_amount=None), missing=("loan_amount", "term_months"))
    assert codes(both) == ["missing_input", "missing_fields"]
    assert both.reasons[1]["text"] == "The case lacks term_months."
    rule = {"id": "alone", "when": "signals.consensus < 0.5 && case.loan_to_value > 0.0", "level": 3}
    failing = routed(bent(exceptions=[rule]), payload=with_payload(loan_amount=None), signals={"consensus": None})
    assert (codes(failing), failing.policy_failed) == (["missing_input", "evaluation_error"], True)
    assert not routed().incomplete


def test_one_unusable_input_is_one_reason() -> None:
    case = scored(payload=with_payload(loan_amount="much"))
    case["invalid_fields"] = [{"pointer": "/loan_amount", "detail": "no amount"}, {"pointer": "/units", "detail": "no"}]
    routing = route(case, shipped().policy, CALM, NOW, NEVER_DRAWN)
    assert codes(routing) == ["invalid_input", "invalid_fields"]
    assert routing.reasons[1]["text"] == "The case has unusable /units."
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
    assert "evaluation_error" in codes(routed(bent(consequence=consequence)))


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


def test_peak_loosens_only_where_the_policy_says_so() -> None:
    peak = Controls(peaks={(ANY, ANY): Switch("quarter end")})
    over = Controls(peaks={(ANY, ANY): Switch("quarter end", expires_at=NOW)})
    assert routed(confidence=0.89, controls=peak).band == "high"
    assert routed(confidence=0.89, controls=over).band == "medium"
    assert routed(confidence=0.89, controls=peak, payload=with_payload(loan_amount=SIZES["low"])).band == "medium"


def test_a_fresh_policy_can_ask_for_people() -> None:
    loaded = bent(adjust=[{"id": "fresh", "when": "policy.age < duration('168h')", "level_at_least": 3}])
    young = replace(loaded.policy, published_at=NOW - timedelta(days=2))
    routing = route(scored(), young, CALM, NOW, NEVER_DRAWN)
    assert (routing.level, routing.would_automate) == (3, True)
    assert routing.reasons[-1]["values_read"] == {"policy.age": "172800s"}
    assert routed(loaded).level == 1


def test_an_adverse_outcome_needs_a_person_unless_the_policy_says_otherwise() -> None:
    assert "outcome_needs_person" in codes(routed(outcome="decline"))
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


class TestWhatMustAgree:
    def test_a_certificate_that_is_asked_for_must_be_live(self) -> None:
        loaded = bent(automation={"certificate": "required"})
        routing = routed(loaded)
        assert (routing.level, routing.certificate, routing.would_automate) == (3, "missing", True)
        assert "no_certificate" in codes(routing)

    def test_a_proposal_without_a_model_version_says_that_nothing_can_certify_it(self) -> None:
        loaded = bent(automation={"certificate": "required"})
        live = Certificate("c1", 0.5, "1", "platt-1", loaded.policy.automation_sha256)
        controls = Controls(certificates={("default", "loan_application", "negligible"): live})
        brought = {**scored(), "model": None}
        for held in (controls, CALM):
            routing = route(brought, loaded.policy, held, NOW, NEVER_DRAWN)
            assert (routing.level, routing.certificate, routing.would_automate) == (3, "missing", True)
            assert codes(routing)[-1] == "no_model_version"
        free = route(brought, bent(automation={"certificate": "not_required"}).policy, CALM, NOW, NEVER_DRAWN)
        assert (free.level, "uncertified" in codes(free)) == (1, True)

    @pytest.mark.parametrize(
        ("change", "level", "status"),
        [
            ({}, 1, "live"),
            ({"threshold": 0.98}, 3, "missing"),
            ({"model_version": "2"}, 3, "void"),
            ({"calibrator_version": None}, 3, "void"),
            ({"automation_sha256": "0" * 64}, 3, "void"),
        ],
    )
    def test_a_certificate_holds_for_exactly_what_it_was_made_of(
        self, change: dict[str, Any], level: int, status: str
    ) -> None:
        policy = bent(automation={"certificate": "required"}).policy
        live = Certificate("c1", 0.95, "1", "platt-1", policy.automation_sha256)
        scope = ("default", "loan_application", "negligible")
        controls = Controls(certificates={scope: replace(live, **change)})
        routing = route(scored(), policy, controls, NOW, NEVER_DRAWN)
        assert (routing.level, routing.certificate) == (level, status)

    def test_uncertified_automation_says_so(self) -> None:
        routing = routed()
        assert routing.certificate == "not_required"
        assert "uncertified" in codes(routing)

    @pytest.mark.parametrize(
        "scope", [("default", "loan_application", "negligible"), ("default", "loan_application", ANY)]
    )
    def test_a_trip_sends_its_tier_to_people(self, scope: tuple[str, str, str]) -> None:
        controls = Controls(trips=frozenset({scope}))
        assert "tripped" in codes(routed(controls=controls))
        assert routed(controls=controls).level == 3

    def test_a_tier_must_be_enabled(self) -> None:
        loaded = bent(automation={"certificate": "not_required", "tiers": ["low"]})
        assert "automation_not_enabled" in codes(routed(loaded))

    def test_every_contribution_is_listed_and_the_highest_counts(self) -> None:
        controls = Controls(
            stops={(ANY, ANY): Switch("stop")}, trips=frozenset({("default", "loan_application", "negligible")})
        )
        routing = routed(bent(automation={"certificate": "required"}), controls=controls)
        assert codes(routing) == ["consequence", "matrix", "no_certificate", "tripped", "stopped"]
        assert routing.level == 3


class TestSamples:
    def test_audits_are_for_automatic_decisions(self) -> None:
        automatic, human = routed(draws=ALWAYS_DRAWN, confidence=0.97), routed(outcome="decline")
        assert automatic.samples.human_only.selected
        assert human.samples.audit.probability == 0.0

    def test_an_audit_is_blind_and_has_a_queue_and_a_deadline(self) -> None:
        routing = routed(draws=lambda purpose, *_: 0.0 if purpose == "audit" else 1.0)
        assert (routing.level, routing.queue, routing.withhold) == (1, "underwriting", "blind")
        assert routing.due_at == NOW + timedelta(hours=24)
        assert routing.at_risk_at == NOW + timedelta(hours=18)
        assert routing.samples.audit.probability == pytest.approx(0.05 * (1 + 5 * 0.03))

    def test_the_floor_probability_holds(self) -> None:
        loaded = bent(sampling={"audit": {"level1": 0.0, "level2": 0.0, "floor": 0.03}})
        assert routed(loaded).samples.audit.probability == 0.03

    def test_the_human_only_sample_never_sees_the_machine(self) -> None:
        routing = routed(draws=lambda purpose, *_: 0.0 if purpose == "human_only" else 1.0)
        assert (routing.level, routing.withhold, routing.would_automate) == (5, "always", True)
        assert routing.samples.audit.probability == 0.0

    def test_the_blind_sample_is_for_the_levels_the_policy_names(self) -> None:
        def blind(purpose: str, *_: str) -> float:
            return 0.0 if purpose == "blind" else 1.0

        assert routed(draws=blind, outcome="decline").withhold == "blind"
        assert routed(outcome="decline").withhold == "never"
        assert routed(draws=blind, confidence=0.1, payload=with_payload(loan_amount=SIZES["low"])).withhold == "never"

    def test_a_seed_is_drawn_for_cases_that_people_decide_seeing_a_proposal(self) -> None:
        seeding = bent(sampling={"seed": 0.25})
        drawn = wire(routed(seeding, draws=lambda *_: 0.2, outcome="decline").samples, "k")
        assert drawn["seed"] == {"probability": 0.25, "selected": True}
        left = routed(seeding, draws=lambda *_: 0.3, outcome="decline").samples.seed
        assert (left.probability, left.selected) == (0.25, False)
        # Not with an automatic decision, where the AI is never shown, nor for a rehearsal; and never unasked.
        unseen = bent(sampling={"seed": 0.25, "human_only": 1.0})
        for routing in (
            routed(seeding, draws=lambda *_: 0.2, confidence=0.97), routed(unseen, draws=lambda *_: 0.2),
            routed(seeding, draws=lambda *_: 0.2, outcome="decline", test=True),
            routed(draws=lambda *_: 0.2, outcome="decline"),
        ):  # fmt: skip
            assert (routing.samples.seed.probability, "seed" in wire(routing.samples, "k")) == (0.0, False)

    def test_a_case_without_a_proposal_is_in_no_sample(self) -> None:
        routing = routed(draws=ALWAYS_DRAWN, outcome=None)
        assert {draw.probability for draw in routing.samples} == {0.0}

    def test_realised_rates_are_the_logged_ones_and_samples_are_independent(self) -> None:
        loaded = bent(
            sampling={"audit": {"level1": 0.2, "level2": 0.2, "floor": 0.0}, "human_only": 0.2, "blind": 0.2},
            withhold={"level3": "blind_sample"},
        )
        count = 2_000
        policy = loaded.policy
        routings = [route(scored(f"c{number}"), policy, CALM, NOW, DRAWS) for number in range(count)]
        human = sum(one.samples.human_only.selected for one in routings)
        automatic = [one for one in routings if one.automatic]
        audited = sum(one.samples.audit.selected for one in automatic)
        assert human / count == pytest.approx(0.2, abs=0.035)
        # Were the draws one and the same number, no case left over by the first sample would be in the second.
        assert audited / len(automatic) == pytest.approx(0.2, abs=0.035)


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


def test_priority_follows_consequence() -> None:
    assert [routed(payload=with_payload(loan_amount=SIZES[tier])).priority for tier in TIERS] == [0, 200, 400, 600, 800]


def test_a_policy_is_not_changed_by_use() -> None:
    policy: Policy = shipped().policy
    before = repr(policy)
    routed()
    assert repr(policy) == before

"""What holds of every routing under every control: monotone, above the floor, repeatable, honest about chance."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from countersign_router.domain.controls import ANY, Certificate, Controls, RaisedBands, Switch
from countersign_router.domain.draws import PURPOSES, keyed_draws
from countersign_router.domain.observation import evaluate, observe
from countersign_router.domain.policy import BANDS, TIERS
from countersign_router.domain.routing import route
from tests.unit.router.cases import DRAWS, NEVER_DRAWN, NOW, PAYLOAD, bent, scored, shipped

LENIENT = [
    {"id": "peak", "when": "controls.peak", "bands": {"high": -0.2, "medium": -0.1}},
    {"id": "lodger", "when": "has(case.owner_occupied) && !case.owner_occupied", "bands": {"high": 0.05}},
    {"id": "fresh", "when": "policy.age < duration('168h')", "level_at_least": 3},
]
POLICIES = [
    shipped(),
    bent(adjust=LENIENT, automation={"certificate": "required", "alpha": dict.fromkeys(TIERS, 0.05)}),
    bent(adjust=LENIENT, signal_caps={"consensus": {"below": 0.9, "band": "low"}}),
]
AMOUNTS = ("50000.00", "150000.00", "200000.00", "300000.00", "500000.00")
"""One for each tier, from negligible to critical."""

certificates = st.builds(
    Certificate, id=st.just("c"), threshold=st.floats(0, 1), model_version=st.sampled_from(["1", "2"]),
    calibrator_version=st.just("platt-1"),
    automation_sha256=st.sampled_from([one.policy.automation_sha256 for one in POLICIES]),
    alpha=st.sampled_from([None, 0.05, 0.2]), delta=st.just(0.05), expires_at=st.sampled_from([None, NOW]),
)  # fmt: skip
controls = st.builds(
    Controls,
    stops=st.sampled_from([{}, {}, {(ANY, ANY): Switch("stop")}]),
    peaks=st.sampled_from([{}, {(ANY, ANY): Switch("busy")}]),
    # A tier that may do less than the one above it would not be monotone, and is a person's decision.
    trips=st.sampled_from([frozenset(), frozenset({("default", "loan_application", ANY)})]),
    certificates=certificates.map(lambda one: {("default", "loan_application", tier): one for tier in TIERS}),
)
cases = st.fixed_dictionaries({
    "owner_occupied": st.sampled_from([True, False, None]), "loan_to_value": st.sampled_from([60.0, 85.0, 98.0]),
    "bankruptcy_on_record": st.booleans(),
})  # fmt: skip
signals = st.fixed_dictionaries({"consensus": st.sampled_from([None, 0.5, 1.0]), "similarity": st.floats(0, 1)})
several = settings(max_examples=25, deadline=None)


@several
@given(
    st.sampled_from(POLICIES), controls, cases, signals, st.floats(0, 1), st.floats(0, 1), st.sampled_from(AMOUNTS),
    st.booleans(),
)  # fmt: skip
def test_less_confidence_never_means_fewer_people(policy, held, case, seen, one, other, amount, young) -> None:
    low, high = sorted((one, other))
    used = replace(policy.policy, published_at=NOW - timedelta(days=2)) if young else policy.policy
    payload = {**PAYLOAD, **case, "loan_amount": amount}
    levels = [
        route(scored(confidence=sure, payload=payload, signals=seen), used, held, NOW, NEVER_DRAWN).level
        for sure in (low, high)
    ]
    assert levels[0] >= levels[1]


@several
@given(st.sampled_from(POLICIES), controls, cases, signals, st.floats(0, 1))
def test_more_consequence_never_means_fewer_people(policy, held, case, seen, confidence) -> None:
    levels = [
        route(
            scored(confidence=confidence, payload={**PAYLOAD, **case, "loan_amount": amount}, signals=seen),
            policy.policy, held, NOW, NEVER_DRAWN,
        ).level
        for amount in AMOUNTS
    ]  # fmt: skip
    # Peak times may loosen the lower tiers only where the policy says so; these loosen all alike or negligible alone.
    assert levels == sorted(levels)


@several
@given(st.sampled_from(POLICIES), controls, cases, signals, st.floats(0, 1), st.sampled_from(AMOUNTS), st.floats(0, 1))
def test_the_floor_holds_and_the_level_is_what_the_reasons_ask_for(
    policy, held, case, seen, confidence, amount, draw
) -> None:
    body = scored(confidence=confidence, payload={**PAYLOAD, **case, "loan_amount": amount}, signals=seen)
    routing = route(body, policy.policy, held, NOW, lambda *_: draw)
    assert routing == route(body, policy.policy, held, NOW, lambda *_: draw)
    assert routing.level == max(reason.get("level", 1) for reason in routing.reasons)
    if case["bankruptcy_on_record"]:
        assert routing.level >= 3
        assert not routing.would_automate
    if routing.automatic:
        assert not held.stops
        assert not held.trips
        assert routing.certificate in {"live", "not_required"}


REVERSED = bent(
    matrix={tier: {"high": 2, "medium": 3, "low": 1} for tier in TIERS}, allow_non_monotone="to see what happens",
    automation={"certificate": "not_required", "tiers": list(TIERS)},
)  # fmt: skip
by_how_much = st.floats(0, 1)
raised_bands = st.dictionaries(
    st.tuples(
        st.sampled_from(["default", ANY, "other"]), st.sampled_from(["loan_application", ANY]),
        st.sampled_from([*TIERS, ANY]),
    ),
    st.lists(
        st.builds(
            RaisedBands, by=st.sampled_from(["bands.tightened", "bands.raised"]), high=by_how_much, medium=by_how_much,
            reason=st.just("so"), model_version=st.sampled_from([None, "1", "2"]),
            model_name=st.sampled_from([None, "loan"]), calibrator_version=st.sampled_from(["platt-1", "platt-2"]),
        ),
        max_size=3,
    ).map(tuple),
    max_size=4,
)  # fmt: skip


@several
@given(
    st.sampled_from([*POLICIES, REVERSED]), controls, raised_bands, cases, signals, st.floats(0, 1),
    st.sampled_from(AMOUNTS), st.floats(0, 1),
)  # fmt: skip
def test_raising_the_bands_never_means_fewer_people(policy, held, raises, case, seen, sure, amount, draw) -> None:
    """Whatever the policy's matrix, whichever scopes, however many: and the cases a certificate is about stay."""
    body = scored(confidence=sure, payload={**PAYLOAD, **case, "loan_amount": amount}, signals=seen)
    before = route(body, policy.policy, held, NOW, lambda *_: draw)
    after = route(body, policy.policy, replace(held, raised_bands=raises), NOW, lambda *_: draw)
    assert after.level >= before.level
    assert after.level == max(reason.get("level", 1) for reason in after.reasons)
    assert (after.would_automate, after.certificate, after.consequence) == (
        before.would_automate, before.certificate, before.consequence,
    )  # fmt: skip
    if before.band is not None:
        assert before.thresholds is not None
        assert after.thresholds is not None
        assert BANDS.index(str(after.band)) >= BANDS.index(before.band)
        assert (after.thresholds.high, after.thresholds.medium) >= (before.thresholds.high, before.thresholds.medium)
        assert after.thresholds.medium <= after.thresholds.high <= 1.0


@several
@given(st.sampled_from(POLICIES), certificates, st.floats(0, 1), st.sampled_from(["live", "none"]))
def test_a_peak_never_goes_below_what_is_certified(policy, certificate, confidence, status) -> None:
    sound = replace(
        certificate, model_version="1", expires_at=None, alpha=0.05, automation_sha256=policy.policy.automation_sha256
    )
    scope = ("default", "loan_application", "negligible")
    held = Controls(peaks={(ANY, ANY): Switch("busy")}, certificates={scope: sound} if status == "live" else {})
    routing = route(scored(confidence=confidence), policy.policy, held, NOW, NEVER_DRAWN)
    assert routing.thresholds is not None
    if status == "live":
        assert routing.thresholds.certified == sound.threshold
        assert routing.thresholds.high >= min(sound.threshold, policy.policy.high) - 1e-9
        if routing.automatic and policy.policy.automation.certificate_required:
            assert confidence >= sound.threshold
    else:
        assert routing.thresholds.certified is None


@pytest.mark.parametrize(("alpha", "status"), [(0.05, "live"), (0.2, "void"), (None, "live")])
def test_a_certificate_must_promise_what_the_policy_asks_for(alpha: float | None, status: str) -> None:
    policy = bent(automation={"certificate": "required", "alpha": {"negligible": 0.1}, "delta": 0.05}).policy
    live = Certificate("c", 0.9, "1", "platt-1", policy.automation_sha256, alpha=alpha, delta=0.05)
    held = Controls(certificates={("default", "loan_application", "negligible"): live})
    routing = route(scored(), policy, held, NOW, NEVER_DRAWN)
    assert (routing.certificate, routing.automatic) == (status, status == "live")
    assert routing.certificate_id == ("c" if status == "live" else None)


@settings(max_examples=20, deadline=None)
@given(cases, st.floats(0, 1))
def test_without_a_proposal_each_outcome_is_tried_and_the_worst_counts(case, similarity) -> None:
    policy = shipped().policy
    body = scored(outcome=None, payload={**PAYLOAD, **case}, signals={"similarity": similarity})
    seen = observe(body, policy, Controls(), NOW)
    tried = [policy.evaluate({**seen.variables, "proposal.outcome": name}).values for name in policy.outcomes]
    assert list(evaluate(policy, seen).values) == [max(values) for values in zip(*tried, strict=True)]  # type: ignore[type-var]


def test_draws_for_different_purposes_are_pairwise_independent_and_uniform() -> None:
    count, cut = 4_000, 0.3
    draws = keyed_draws(b"k" * 32)
    drawn = {
        purpose: [draws(purpose, "default", f"c{number}") < cut for number in range(count)] for purpose in PURPOSES
    }
    for chosen in drawn.values():
        assert within(sum(chosen), count * cut, count * cut * (1 - cut))
    for one, other in itertools.combinations(PURPOSES, 2):
        both = sum(a and b for a, b in zip(drawn[one], drawn[other], strict=True))
        assert within(both, count * cut**2, count * cut**2 * (1 - cut**2)), (one, other)


def test_realised_rates_are_the_logged_ones() -> None:
    """Whatever the chance of each case is, so many are drawn as the chances add up to."""
    policy = bent(
        sampling={"audit": {"level1": 0.1, "level2": 0.3, "floor": 0.02, "by": "3.0 * (1.0 - confidence)"},
                  "human_only": 0.1, "blind": 0.3},
        withhold={"level3": "blind_sample", "level4": "blind_sample"},
    ).policy  # fmt: skip
    made = [
        route(scored(f"c{number}", confidence=0.5 + number % 50 / 100), policy, Controls(), NOW, DRAWS).samples
        for number in range(1_500)
    ]
    for name in ("human_only", "blind", "audit"):
        draws = [getattr(one, name) for one in made]
        expected = sum(one.probability for one in draws)
        variance = sum(one.probability * (1 - one.probability) for one in draws)
        assert expected > 30
        assert within(sum(one.selected for one in draws), expected, variance), name


def within(found: int, expected: float, variance: float) -> bool:
    """Four standard deviations: the key is fixed, so this passes or fails for ever."""
    return abs(found - expected) <= 4 * math.sqrt(variance)

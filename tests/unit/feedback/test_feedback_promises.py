"""What a certificate speaks of, what it is watched by, and what follows from a broken promise."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from countersign_feedback.api.promises import RECIPE, entry
from countersign_feedback.domain.attempts import due, judge
from countersign_feedback.domain.certify import Certificate, Step, certify_counts
from countersign_feedback.domain.evidence import log_alarm, watch
from countersign_feedback.domain.facts import UNKNOWN, Purpose
from countersign_feedback.domain.promises import (
    audit_floor,
    binds,
    certificate_state,
    certified,
    certified_at,
    expired,
    keeps,
    lifted,
    reaches,
    terms_of,
    trip_state,
)
from countersign_feedback.store.controls import StoredCertificate
from countersign_shared.clock import rfc3339
from countersign_shared.contracts.events.control import CertificateState, TripState
from tests.unit.feedback.test_feedback_attempts import NOW, START, WHO, case

ROOT = Path(__file__).parents[3]
POLICY: dict[str, Any] = {
    "version": 7, "automation_sha256": "a" * 64,
    "automation": {
        "certificate": "required", "delta": 0.1,
        "tiers": {
            "low": {"alpha": 0.2, "audit_probability": 0.25}, "negligible": {"alpha": 0.3, "audit_probability": 0.1}
        },
    },
}  # fmt: skip
TERMS = terms_of(POLICY, "low")
assert TERMS is not None


def state(traffic: int = 0, **changes: Any) -> dict[str, Any]:
    cases = [case(number) for number in range(40)]
    (attempt, *_) = due(cases, [], alpha=0.2, delta=0.05)
    seen = [0.9 + 0.1 * number / max(traffic, 1) for number in range(traffic)]
    judged = judge(attempt, cases, population=WHO, alpha=0.2, delta=0.05, now=NOW, traffic=seen)
    assert isinstance(judged.outcome, Certificate)
    assert TERMS is not None
    return certificate_state(
        judged, certified_at(judged.outcome, None), population=WHO, terms=TERMS, certificate_id="cert-1", since=START,
        renews=None, expires_at=NOW + timedelta(days=90),
    ) | changes  # fmt: skip


def test_delta_is_shared_among_the_tiers_that_name_an_alpha() -> None:
    assert TERMS is not None
    assert (TERMS.alpha, TERMS.delta, TERMS.audit_probability) == (0.2, 0.05, 0.25)
    assert terms_of(POLICY, "low") == TERMS
    asked = terms_of({**POLICY, "automation": {**POLICY["automation"], "certificate": "off"}}, "low")
    assert asked is not None
    assert (TERMS.required, asked.required) == (True, False)
    assert terms_of(POLICY, "high") is None
    assert terms_of({**POLICY, "automation": None}, "low") is None, "published by an earlier release"


def test_a_proposal_fits_the_contract_and_can_be_redone_from_its_counts() -> None:
    proposed = state()
    TypeAdapter(CertificateState).validate_python(proposed)
    counts = proposed["evidence"]
    again = certify_counts(
        counts["n"], counts["k"], labels=counts["labels"] + counts["unjudged"], alpha=proposed["alpha"],
        delta=counts["attempt_delta"], grid=counts["thresholds"], n_expected=counts["expected"],
    )  # fmt: skip
    assert isinstance(again, Certificate)
    assert (again.threshold, again.errors, again.labels) == (
        proposed["threshold"], proposed["errors"], proposed["labels"]
    )  # fmt: skip
    assert again.grid_sha256 == proposed["grid_sha256"]
    assert [step.level for step in again.steps] == counts["levels"]
    cases = [case(number) for number in range(40)]
    (attempt, *_) = due(cases, [], alpha=0.2, delta=0.05)
    assert (counts["policy_version"], counts["attempt"], counts["floor"], counts["audit_floor"]) == (7, 1, 0.25, 0.25)
    assert counts["first_routed_at"] == rfc3339(cases[0].routed_at)
    assert (counts["last_routed_at"], counts["last_case_id"]) == (rfc3339(attempt.last[0]), attempt.last[1])
    assert counts["purposes"] == {"blind": attempt.size}
    assert (proposed["active"], proposed["expires_at"]) == (True, rfc3339(NOW + timedelta(days=90)))


@pytest.mark.parametrize(
    ("traffic", "why"),
    [(0, "0 of 200 confidences known"), (199, "199 of 200 confidences known"), (200, None)],
)
def test_a_proposal_bears_on_its_record_that_its_labels_were_not_compared_with_traffic(
    traffic: int, why: str | None
) -> None:
    recorded = state(traffic)["evidence"]
    assert (recorded["traffic"], recorded["not_compared"]) == (traffic, why)


@pytest.mark.parametrize("name", ["model_name", "model_version", "calibrator_version", "automation_sha256"])
def test_a_certificate_speaks_of_one_model_one_calibrator_and_one_policy(name: str) -> None:
    assert binds(state(), WHO)
    assert not binds(state(), replace(WHO, **{name: "b" * 64}))
    assert certified(state(), WHO.tenant, WHO.decision_type, WHO.tier) == WHO


def test_a_model_without_a_calibrator_is_one_of_its_own() -> None:
    bare = replace(WHO, calibrator_version=UNKNOWN)
    assert not binds(state(), bare)
    assert binds(state(calibrator_version=None), bare)
    unnamed = certified(state(calibrator_version=None, model={}), "default", "refund", "low")
    assert (unnamed.model_name, unnamed.model_version, unnamed.calibrator_version) == (UNKNOWN,) * 3


def test_a_policy_that_asks_for_less_error_is_not_kept() -> None:
    assert TERMS is not None
    assert keeps(state(), TERMS)
    assert not keeps(state(), replace(TERMS, alpha=0.1))
    assert keeps(state(), replace(TERMS, delta=0.01)), "another tier only lessens the shares"
    assert not keeps(state(), replace(TERMS, policy_delta=0.04)), "the router holds the certificate void"
    assert not keeps(state(), replace(TERMS, automation_sha256="b" * 64))
    assert not expired(state(), NOW)
    assert expired(state(), NOW + timedelta(days=90))
    assert not expired(state(expires_at=None), datetime(2999, 1, 1, tzinfo=UTC))


def test_a_certificate_that_has_expired_is_told_to_have_ended_though_nobody_said_so() -> None:
    ends = NOW + timedelta(days=90)
    stored = StoredCertificate("cert-1", WHO, NOW, NOW, None, state())
    assert entry(stored, ends - timedelta(seconds=1)).ended_at is None
    assert entry(stored, ends).ended_at == ends
    assert entry(replace(stored, ended_at=NOW + timedelta(days=1)), ends).ended_at == NOW + timedelta(days=1)
    assert entry(replace(stored, ended_at=ends + timedelta(days=1)), ends).ended_at == ends
    assert entry(replace(stored, activated_at=None), ends).ended_at is None, "it never began"
    assert entry(replace(stored, state=state(expires_at=None)), ends).ended_at is None


def test_a_renewal_is_never_looser_than_what_it_renews() -> None:
    cases = [case(number, confidence=0.6 + 0.001 * number) for number in range(400)]
    (attempt, *_) = reversed(due(cases, [], alpha=0.2, delta=0.05))
    outcome = judge(attempt, cases, population=WHO, alpha=0.2, delta=0.05, now=NOW).outcome
    assert isinstance(outcome, Certificate)
    assert certified_at(outcome, None).threshold == outcome.threshold < 0.8
    live = state(threshold=0.8232)
    assert reaches(outcome, live)
    assert certified_at(outcome, live).threshold >= 0.8232
    assert not reaches(outcome, state(threshold=0.9995))


def test_a_renewal_rests_on_a_threshold_that_passed() -> None:
    # Not on one in between that failed, nor on a stricter one that had no part of delta.
    untested, strict = Step(0.97, 100, 0, 0.001, 0.0, False), Step(0.95, 100, 0, 0.001, 0.02, True)
    failed, loose = Step(0.9, 120, 9, 0.3, 0.02, False), Step(0.8, 400, 5, 0.001, 0.01, True)
    outcome = Certificate(
        threshold=0.8, alpha=0.05, delta=0.05, errors=5, labels=400, p_value=0.001, level=0.01, upper_bound=0.04,
        labels_in_all=400, grid_sha256="", text="", steps=(untested, strict, failed, loose),
    )  # fmt: skip
    assert certified_at(outcome, None) == loose
    assert certified_at(outcome, {"threshold": 0.8}) == loose
    assert certified_at(outcome, {"threshold": 0.9}) == strict
    assert reaches(outcome, {"threshold": 0.95})
    assert not reaches(outcome, {"threshold": 0.96})


def test_audits_are_thinned_to_what_the_policy_asks_for_at_the_least() -> None:
    assert TERMS is not None
    assert audit_floor(state(), TERMS) == 0.25
    assert audit_floor(state(), replace(TERMS, audit_probability=0.1)) == 0.1
    assert audit_floor(state(evidence={"audit_floor": 0.1}), TERMS) == 0.1
    assert audit_floor(state(evidence=None), None) == 1.0


def test_the_evidence_is_that_of_every_beginning_weighed() -> None:
    errors = [False, True, True]
    bets = [log_alarm(sum(errors[j:]), len(errors) - j, 0.2) - math.log((j + 1) * (j + 2)) for j in range(3)]
    expected = math.log(sum(math.exp(bet) for bet in bets) + 1 / 4)
    found = watch(errors, alpha=0.2, delta=0.05, points=3)
    assert found.log_alarm == pytest.approx(expected)
    assert [step for step, _ in found.path] == [1, 2, 3]
    assert found.path[-1][1] == pytest.approx(expected)
    nothing = watch([], alpha=0.2, delta=0.05, points=10)
    assert (nothing.path, nothing.log_alarm, nothing.since, nothing.tripped) == ((), 0.0, 0, False)


def test_a_long_good_life_delays_the_alarm_by_little() -> None:
    fresh = watch([True] * 12, alpha=0.2, delta=0.05)
    after_long = watch([*[False] * 500, *[True] * 12], alpha=0.2, delta=0.05)
    assert fresh.tripped
    assert log_alarm(12, 512, 0.2) < 0, "counted from the first audit on, everything looks well"
    assert watch([*[False] * 500, *[True] * 14], alpha=0.2, delta=0.05).tripped
    assert after_long.since == 500


def test_a_trip_names_the_certificate_and_from_when_to_look_back() -> None:
    audits = [case(n, purpose=Purpose.AUDIT, error=n >= 20) for n in range(32)]
    watched = watch([bool(one.error) for one in audits], alpha=0.2, delta=0.05)
    assert watched.tripped
    tripped = trip_state(watched, audits, certificate=state(), trip_id="trip-1", activated_at=START)
    TypeAdapter(TripState).validate_python(tripped)
    assert tripped["certificate_id"] == "cert-1"
    # From the last good audit on: what nobody audited before the first wrong one may be wrong as well.
    assert datetime.fromisoformat(tripped["look_back_from"]) == audits[19].routed_at
    at_once = trip_state(watched, [replace(one, error=True) for one in audits], certificate=state(), trip_id="t",
                         activated_at=START - timedelta(days=1))  # fmt: skip
    assert datetime.fromisoformat(at_once["look_back_from"]) <= audits[20].routed_at
    assert "12 of 32 audited automatic decisions were wrong, and 12 of the last 12" in tripped["reason"]
    assert "At most 20 % was promised." in tripped["reason"]
    # Answers come in another order than cases do: nothing wrong is left out of the list.
    early = [*audits[:20], replace(audits[20], routed_at=START - timedelta(hours=1)), *audits[21:]]
    late = trip_state(watched, early, certificate=state(), trip_id="t", activated_at=START)
    assert datetime.fromisoformat(late["look_back_from"]) == START - timedelta(hours=1)


def test_people_lift_the_trip_that_they_have_read() -> None:
    tripped = {"trip_id": "trip-1"}
    assert not lifted(tripped, 1, None)
    assert not lifted(tripped, 1, {"trip_id": "trip-0"})
    assert lifted(tripped, 1, {"trip_id": "trip-1", "evidence": {"trip_revision": 1}})
    assert not lifted(tripped, 2, {"trip_id": "trip-1", "evidence": {"trip_revision": 1}})
    assert lifted(tripped, 2, {"trip_id": "trip-1", "evidence": None}), "by an earlier release"


def test_the_console_gives_the_recipe_that_the_walk_follows() -> None:
    """What somebody downloads to redo a certificate must lead to it: a threshold that fails does not end the walk."""
    n, k = [40, 400, 800], [9, 9, 9]
    found = certify_counts(n, k, labels=800, alpha=0.05, delta=0.05, grid=(0.9, 0.8, 0.7), n_expected=None)
    assert isinstance(found, Certificate)
    assert [step.passed for step in found.steps] == [False, True, True]
    told = (ROOT / "services/review/console/src/insight/recipe.ts").read_text(encoding="utf-8")
    assert "ends the walk" not in told
    for sentence in (
        "Where a threshold passes, the next one's level includes its whole level.",
        "The loosest threshold that passed is certified, and of those with the same n the strictest",
    ):
        assert sentence in " ".join(RECIPE)
        assert sentence in told

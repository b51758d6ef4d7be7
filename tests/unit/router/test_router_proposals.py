"""What waits for signatures, which tiers may automate, and how a stop's load adds up: all pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from countersign_router.controls.stop_preview import load_of
from countersign_router.domain.automation import enabled_tiers
from countersign_router.domain.controls import ANY, Certificate, Controls, Switch, read_controls
from countersign_router.domain.doubts import certificate_doubts, voided_by_calibrator
from countersign_router.domain.policy import TIERS, Policy
from countersign_router.domain.proposals import waiting
from countersign_router.store.counts import HourCount
from countersign_shared.clock import rfc3339
from tests.unit.router.cases import NOW, bent, shipped
from tests.unit.router.test_router_control_rules import (
    EVERY_MODEL,
    LIMITS,
    LIVE,
    RENEWAL,
    body,
    cleared,
    lowered,
    tightened,
    trip,
)

SCOPE = ("default", "loan")


def proposed(revision: int = 1, **change: Any) -> dict[str, Any]:
    return body("certificate.proposed", revision, {**LIVE, **change})


def active(**change: Any) -> dict[str, Any]:
    return body("certificate.active", 1, {**LIVE, **change})


ASKING = bent(automation={"certificate": "required", "alpha": {"low": 0.02, "negligible": 0.02}, "delta": 0.05}).policy
TIER = ("default", "loan_application", "low")
PEOPLE = {"high": 3, "medium": 4, "low": 4}


def doubts(policy: Policy | None = ASKING, held: Controls | None = None, **change: Any) -> list[str]:
    acts = {**LIVE, "automation_sha256": ASKING.automation_sha256}
    return list(certificate_doubts({**acts, **change}, TIER, policy, held or Controls(), NOW))


class TestDoubts:
    def test_a_certificate_that_would_act_leaves_no_doubt(self) -> None:
        assert doubts() == []

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"expires_at": rfc3339(NOW)}, "it ended at"),
            ({"errors": 12}, "its own figures do not bear it out: 12 wrong of 262"),
            ({"automation_sha256": "0" * 64}, "it is about another policy: version 1, which is in force"),
            (
                {"evidence": {"not_compared": "3 of 200 confidences known"}},
                "its labels were not compared with traffic: 3 of 200 confidences known",
            ),
            ({"alpha": 0.05}, "it promises less than the policy asks for: alpha 0.02 and delta 0.05 at most"),
            ({"delta": 0.06}, "it promises less than the policy asks for: alpha 0.02 and delta 0.05 at most"),
        ],
    )
    def test_what_would_cover_nothing_or_is_not_known_says_why(self, change: dict[str, Any], said: str) -> None:
        assert [one[: len(said)] for one in doubts(**change)] == [said]

    def test_a_policy_may_leave_nothing_to_certify(self) -> None:
        assert doubts(None) == ["no policy routes cases of loan_application of tenant default"]
        free = bent(automation={"certificate": "not_required", "tiers": ["negligible"]}).policy
        assert [one.split(",")[0] for one in doubts(free)] == [
            "the policy in force automates nothing of low consequence", "the policy in force asks for no certificate",
        ]  # fmt: skip
        # No tiers are named, and the matrix has people for every case of this one.
        careful = bent(automation={"certificate": "required"}, matrix=dict.fromkeys(TIERS, PEOPLE)).policy
        assert doubts(careful, automation_sha256=careful.automation_sha256) == [
            "the policy in force automates nothing of low consequence"
        ]
        tripped = Controls(trips=frozenset({TIER}))
        assert doubts(held=tripped) == ["evidence holds low consequence back; it acts once that is lifted"]

    def test_another_calibrator_voids_what_speaks_for_its_model(self) -> None:
        def live(name: str, **change: Any) -> Certificate:
            return replace(Certificate(name, 0.9, "1", "platt-1", "ab" * 32, model_name="loan"), **change)

        held = Controls(certificates={
            ("default", "loan", "low"): live("voided"),
            ("default", "loan", "medium"): live("model", model_version="2"),
            ("default", "loan", "high"): live("calibrator", calibrator_version="platt-2"),
            ("default", "loan", "negligible"): live("ended", expires_at=NOW),
            ("acme", "loan", "low"): live("tenant", expires_at=NOW + timedelta(seconds=1)),
            ("acme", "loan", "medium"): live("name", model_name="other"),
            ("acme", "refund", "low"): live("unnamed", model_name=None),
        })  # fmt: skip
        state = {"model_name": "loan", "model_version": "1", "calibrator_version": "platt-2"}
        found = voided_by_calibrator(state, "default", "loan", held, NOW)
        assert [one.certificate.id for one in found] == ["voided"]
        assert [one.tenant for one in voided_by_calibrator(state, ANY, "refund", held, NOW)] == ["acme"]
        everywhere = voided_by_calibrator(state, ANY, ANY, held, NOW)
        assert [one.certificate.id for one in everywhere] == ["tenant", "unnamed", "voided"]


class TestWaiting:
    def test_evidence_that_loosens_waits(self) -> None:
        found = waiting([proposed(), trip(1)], NOW)
        assert [one.becomes[0] for one in found] == ["certificate.active", "trip.cleared"]
        assert waiting([active(), body("stop", 1, {"active": True, "reason": "r"})], NOW) == []

    def test_what_acts_already_or_loosens_nothing_does_not_wait(self) -> None:
        assert waiting([proposed(), active()], NOW) == []
        assert waiting([body("certificate.proposed", 2, RENEWAL), active()], NOW) == []
        assert waiting([proposed(active=False)], NOW) == []
        assert waiting([trip(1), cleared()], NOW) == []

    def test_another_calibrator_waits_however_little_it_changes(self) -> None:
        state = {"model_name": "loan", "model_version": "1", "calibrator_version": "platt-2"}
        found = waiting([body("calibrator.proposed", 1, state, tier=ANY)], NOW)
        assert [(one.becomes[0], one.why) for one in found] == [
            ("calibrator.active", "it changes what confidence means")
        ]
        live = body("calibrator.active", 1, state, tier=ANY)
        assert waiting([body("calibrator.proposed", 2, state, tier=ANY), live], NOW) == []

    @given(st.integers(2, 9), st.floats(0, 0.92))
    @settings(max_examples=20)
    def test_the_hash_is_that_of_the_change(self, revision: int, threshold: float) -> None:
        (first,) = waiting([proposed()], NOW)
        (again,) = waiting([proposed(revision)], NOW)
        (other,) = waiting([proposed(revision, threshold=threshold)], NOW)
        assert first.sha256 == again.sha256, "said again, it is the same change"
        assert other.sha256 != first.sha256

    def test_signatures_outlive_an_upgrade_and_the_order_of_keys(self) -> None:
        said = proposed(evidence={"note": "Zürich", "looks": 2})
        turned = {**said, "state": dict(reversed(said["state"].items()))}
        assert {one.sha256 for one in waiting([said], NOW) + waiting([turned], NOW)} == {
            "ad60d78d6d2aa29e4fc0753f669826802e0da81a04422ab84cea926269b0a552"
        }

    def test_each_scope_and_each_trip_has_its_own_hash(self) -> None:
        trips = [
            trip(1),
            trip(2),
            trip(1, "t-2"),
            trip(1, tier="high"),
            trip(1, tenant=ANY),
            trip(1, decision_type=ANY),
        ]
        assert len({waiting([one], NOW)[0].sha256 for one in trips}) == len(trips)

    def test_raised_bands_wait_until_they_are_lowered_or_the_calibrator_is_switched(self) -> None:
        (found,) = waiting([tightened(3)], NOW)
        assert (found.becomes[0], found.state["evidence"]["revision"]) == ("bands.relaxed", 3)
        assert waiting([tightened(3), {**lowered(3), "state": found.state}], NOW) == []
        assert waiting([tightened(1, kind="bands.raised")], NOW)[0].becomes[0] == "bands.lowered"
        calibrator = {"model_name": "loan", "model_version": "1", "calibrator_version": "platt-2"}
        switched = body("calibrator.active", 1, calibrator, tier=ANY)
        assert waiting([tightened(3), switched], NOW) == [], "nothing is said under the old one any more"
        for other in (
            tightened(3, {**LIMITS, "model_version": "2"}), tightened(3, LIMITS, EVERY_MODEL),
            tightened(3, {**LIMITS, "calibrator_version": "platt-2"}),
        ):  # fmt: skip
            assert len(waiting([other, switched], NOW)) == 1

    def test_lifting_what_waits_lifts_that_trip(self) -> None:
        (found,) = waiting([trip(3)], NOW)
        lifted = {**cleared(), "state": found.state}
        assert not read_controls([trip(3), lifted]).trips
        assert read_controls([trip(4), lifted]).trips


class TestEnabledTiers:
    def tiers(self, controls: Controls, **policy: Any) -> frozenset[str]:
        loaded = bent(**policy) if policy else shipped()
        return enabled_tiers(controls, {("default", "loan_application"): loaded.policy}, NOW)

    def test_the_matrix_and_the_policy_say_where_to_begin(self) -> None:
        assert "negligible" in self.tiers(Controls())
        assert "critical" not in self.tiers(Controls())
        only_low = {"certificate": "not_required", "tiers": ["low"]}
        assert "negligible" not in self.tiers(Controls(), automation=only_low)
        assert self.tiers(Controls(), automation={"certificate": "not_required"}) == {"negligible", "low", "medium"}

    def test_stops_and_trips_take_away(self) -> None:
        assert self.tiers(Controls(stops={(ANY, ANY): Switch("r")})) == frozenset()
        assert self.tiers(Controls(stops={(ANY, ANY): Switch("r", NOW)})) == self.tiers(Controls())
        tripped = Controls(trips=frozenset({("default", ANY, "negligible")}))
        assert "negligible" not in self.tiers(tripped)

    def test_a_certificate_must_be_there_for_this_policy_and_not_be_over(self) -> None:
        policy = bent(automation={"certificate": "required", "alpha": {"negligible": 0.05}, "delta": 0.05}).policy

        def enabled(tenant: str = "default", **change: Any) -> bool:
            named = {"automation_sha256": policy.automation_sha256, **change}
            live = Certificate("c", 0.9, "1", "platt-1", **named)
            controls = Controls(
                policies={("default", "loan_application"): "ab"},
                certificates={(tenant, "loan_application", "negligible"): live},
            )
            return "negligible" in enabled_tiers(controls, {("default", "loan_application"): policy}, NOW)

        assert self.tiers(Controls(), automation={"certificate": "required"}) == frozenset()
        assert enabled()
        assert enabled("another-tenant"), "the default tenant's policy speaks for it"
        assert not enabled(automation_sha256="0" * 64)
        assert not enabled(expires_at=NOW)
        assert enabled(expires_at=NOW + timedelta(microseconds=1))
        assert enabled(alpha=0.05, delta=0.05)
        assert not enabled(alpha=0.06, delta=0.05), "the policy asks for less error than it promises"
        assert not enabled(alpha=0.05, delta=0.06)


HOURS = st.builds(
    HourCount, tenant=st.sampled_from(["a", "b"]), decision_type=st.sampled_from(["x", "y"]),
    hours_ago=st.integers(0, 3), automatic=st.integers(0, 50), people=st.integers(0, 50),
)  # fmt: skip


@given(st.lists(HOURS, max_size=12, unique_by=lambda one: (one.tenant, one.decision_type, one.hours_ago)))
@settings(max_examples=60)
def test_a_preview_adds_up(counts: list[HourCount]) -> None:
    found = load_of(counts, lambda one: one.decision_type, 4)
    assert found.automatic == sum(one.automatic for one in counts) == sum(one.cases for one in found.queues)
    for queue in found.queues:
        assert queue.busiest_hour <= queue.cases <= queue.busiest_hour * found.hours
        assert queue.cases <= queue.per_hour * found.hours
    assert 1 <= found.hours <= 4

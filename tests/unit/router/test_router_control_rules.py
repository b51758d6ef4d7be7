"""What is newer, who may write what, what needs signatures, and what a set of controls means."""

from __future__ import annotations

import math
from datetime import timedelta
from fractions import Fraction
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from countersign_router.domain.binomial import at_most
from countersign_router.domain.control_rules import (
    EVIDENCE_KINDS,
    MOST_ERRORS,
    OWN_KINDS,
    Arrival,
    arrival,
    gives_way,
    is_loosened,
    unsupported,
    withdraws,
    writer,
)
from countersign_router.domain.controls import ANY, Certificate, Controls, Switch, read_controls
from countersign_shared.clock import rfc3339
from countersign_shared.contracts.events.control import ControlChanged
from tests.unit.router.cases import NOW

LIVE = {
    "certificate_id": "c-1", "active": True, "threshold": 0.93, "alpha": 0.02, "delta": 0.05, "errors": 1,
    "labels": 262, "model": {"name": "loan", "version": "1", "artifact_sha256": "cd" * 32},
    "calibrator_version": "platt-1", "automation_sha256": "ab" * 32, "renews": None,
}  # fmt: skip
RENEWAL = {**LIVE, "certificate_id": "c-2", "renews": "c-1", "threshold": 0.95}


def body(kind: str, revision: int, state: dict[str, Any], **scope: str) -> dict[str, Any]:
    return {
        "kind": kind, "tenant": scope.get("tenant", "default"), "decision_type": scope.get("decision_type", "loan"),
        "tier": scope.get("tier", "low"), "revision": revision, "state": state,
    }  # fmt: skip


def trip(revision: int, trip_id: str = "t-1", **scope: str) -> dict[str, Any]:
    return body("trip", revision, {"trip_id": trip_id}, **scope)


def cleared(trip_id: str = "t-1", seen: int | None = None, **scope: str) -> dict[str, Any]:
    evidence = None if seen is None else {"trip_revision": seen}
    return body("trip.cleared", 1, {"trip_id": trip_id, "reason": "r", "evidence": evidence}, **scope)


class TestWriters:
    def test_every_kind_has_one_writer(self) -> None:
        assert not OWN_KINDS & EVIDENCE_KINDS
        records = get_args(get_args(ControlChanged)[0])
        known = {get_args(record.model_fields["kind"].annotation)[0] for record in records}
        assert {"trip", "certificate.proposed", "calibrator.proposed", "bands.tightened"} == EVIDENCE_KINDS
        assert known - EVIDENCE_KINDS == OWN_KINDS
        assert {writer(kind) for kind in OWN_KINDS} == {"/countersign/router"}
        assert {writer(kind) for kind in EVIDENCE_KINDS} == {"/countersign/feedback"}
        with pytest.raises(KeyError):
            writer("stop.all")


class TestArrival:
    def test_only_a_higher_revision_is_news(self) -> None:
        known = trip(3)
        assert arrival(None, trip(1)) is Arrival.NEWS
        assert arrival(known, trip(4)) is Arrival.NEWS
        assert arrival(known, trip(3)) is Arrival.KNOWN
        assert arrival(known, trip(2, "t-0")) is Arrival.OLD
        assert arrival(known, trip(3, "t-2")) is Arrival.CONFLICT

    @given(st.permutations(list(range(1, 7))), st.lists(st.integers(1, 6), max_size=8))
    @settings(max_examples=60)
    def test_any_order_with_any_repeats_ends_at_the_newest(self, order: list[int], repeats: list[int]) -> None:
        """A replica that lags, a topic read again from its beginning: the state never goes back."""
        known: dict[str, Any] | None = None
        for revision in [*order, *repeats]:
            arriving = trip(revision, f"t-{revision}")
            before = 0 if known is None else known["revision"]
            if arrival(known, arriving) is Arrival.NEWS:
                known = arriving
            assert known is not None
            assert known["revision"] >= before
        assert known == trip(6, "t-6")


class TestRenewals:
    def test_the_same_or_stricter_needs_nobody(self) -> None:
        assert is_loosened(RENEWAL, LIVE, NOW) is None
        assert is_loosened({**RENEWAL, "threshold": 0.93}, LIVE, NOW) is None

    @pytest.mark.parametrize(
        ("change", "why"),
        [
            ({"threshold": 0.92}, "threshold 0.92 is lower than 0.93"),
            ({"alpha": 0.05}, "alpha 0.05 is higher than 0.02"),
            ({"delta": 0.1}, "delta 0.1 is higher than 0.05"),
            ({"renews": None}, "does not renew the live certificate c-1"),
            ({"renews": "c-0"}, "does not renew"),
            ({"model": {**LIVE["model"], "version": "2"}}, "another model"),
            ({"calibrator_version": "platt-2"}, "another calibrator_version"),
            ({"automation_sha256": "cd" * 32}, "another automation_sha256"),
        ],
    )
    def test_anything_looser_or_other_needs_signatures(self, change: dict[str, Any], why: str) -> None:
        assert why in str(is_loosened({**RENEWAL, **change}, LIVE, NOW))

    def test_what_is_not_live_cannot_be_renewed(self) -> None:
        assert is_loosened(RENEWAL, None, NOW) is not None
        assert is_loosened(RENEWAL, {**LIVE, "active": False}, NOW) is not None
        assert "expired" in str(is_loosened(RENEWAL, {**LIVE, "expires_at": rfc3339(NOW)}, NOW))
        assert is_loosened(RENEWAL, {**LIVE, "expires_at": rfc3339(NOW + timedelta(seconds=1))}, NOW) is None

    @given(st.lists(st.tuples(*[st.floats(0, 1)] * 3), max_size=8))
    @settings(max_examples=60)
    def test_no_chain_of_renewals_ends_looser_than_what_was_signed(
        self, proposals: list[tuple[float, float, float]]
    ) -> None:
        live = dict(LIVE)
        for number, (threshold, alpha, delta) in enumerate(proposals):
            proposed = {
                **LIVE, "certificate_id": f"r-{number}", "renews": live["certificate_id"], "threshold": threshold,
                "alpha": alpha, "delta": delta,
            }  # fmt: skip
            if is_loosened(proposed, live, NOW) is None:
                live = proposed
        assert live["threshold"] >= LIVE["threshold"]
        assert (live["alpha"] <= LIVE["alpha"], live["delta"] <= LIVE["delta"]) == (True, True)

    def test_evidence_takes_back_exactly_what_it_names(self) -> None:
        assert withdraws({**LIVE, "active": False}, LIVE)
        assert not withdraws({**LIVE, "active": False}, {**LIVE, "certificate_id": "c-2"})
        assert not withdraws(LIVE, LIVE)
        assert not withdraws({**LIVE, "active": False}, None)
        assert not withdraws({**LIVE, "active": False}, {**LIVE, "active": False})


SCOPES = st.sampled_from([(t, d, r) for t in ("default", ANY) for d in ("loan", ANY) for r in ("low", ANY)])


class TestTrips:
    @given(SCOPES)
    @settings(max_examples=10)
    def test_a_trip_holds_its_whole_scope(self, scope: tuple[str, str, str]) -> None:
        tenant, decision_type, tier = scope
        controls = read_controls([trip(1, tenant=tenant, decision_type=decision_type, tier=tier)])
        assert controls.tripped("default", "loan", "low")
        assert controls.tripped("other", "loan", "low") is (tenant == ANY)
        assert controls.tripped("default", "refund", "low") is (decision_type == ANY)
        assert controls.tripped("default", "loan", "high") is (tier == ANY)

    @given(SCOPES.filter(lambda scope: scope[2] == ANY))
    @settings(max_examples=10)
    def test_a_stop_holds_its_whole_scope_and_a_peak_too(self, scope: tuple[str, str, str]) -> None:
        tenant, decision_type, _ = scope
        for kind in ("stop", "peak"):
            on = body(kind, 1, {"active": True, "reason": "r"}, tenant=tenant, decision_type=decision_type, tier=ANY)
            controls = read_controls([on])
            holds = controls.peak if kind == "peak" else controls.stop
            assert holds("default", "loan", NOW)
            assert bool(holds("other", "loan", NOW)) is (tenant == ANY)
            assert bool(holds("default", "refund", NOW)) is (decision_type == ANY)
            off = {**on, "state": {"active": False, "reason": "r"}}
            assert read_controls([off]) == Controls()

    def test_people_lift_the_trip_they_read_and_no_other(self) -> None:
        def tripped(*bodies: dict[str, Any]) -> bool:
            return read_controls(bodies).tripped("default", "loan", "low")

        assert not tripped(trip(1), cleared())
        assert not tripped(cleared(seen=2), trip(2))
        assert tripped(trip(2, "t-2"), cleared("t-1"))
        assert tripped(trip(3), cleared(seen=2)), "it says something new since"
        assert tripped(trip(1), cleared(tier=ANY)), "another scope's"
        assert tripped(trip(1), trip(1, "t-9", tier=ANY), cleared())


LIMITS = {
    "model_name": "loan", "model_version": "1", "calibrator_version": "platt-1", "high": 0.03, "medium": 0.05,
}  # fmt: skip
EVERY_MODEL = {"model_name": None, "model_version": None, "calibrator_version": None, "high": 0.01, "medium": 0.2}


def tightened(revision: int, *limits: dict[str, Any], kind: str = "bands.tightened", **scope: str) -> dict[str, Any]:
    state = {"tightening_id": "b-1", "limits": list(limits or [LIMITS]), "reason": "drift", "new_field": 1}
    return body(kind, revision, state, **{"tier": ANY, **scope})


def lowered(seen: int, kind: str = "bands.relaxed", **scope: str) -> dict[str, Any]:
    state = {"tightening_id": "b-1", "reason": "r", "evidence": {"revision": seen}}
    return body(kind, 1, state, **{"tier": ANY, **scope})


class TestRaisedBands:
    def held(self, *bodies: dict[str, Any], model: dict[str, Any] | None = None) -> list[tuple[str, float, float]]:
        found = read_controls(bodies).raises("default", "loan", "low", MODEL if model is None else model)
        return [(one.by, one.high, one.medium) for one in found]

    def test_they_hold_for_what_one_model_says_under_one_calibrator(self) -> None:
        said = tightened(1)
        assert self.held(said) == [("bands.tightened", 0.03, 0.05)]
        for part in ("name", "version", "calibrator_version"):
            assert self.held(said, model={**MODEL, part: "other"}) == []
        assert self.held(said, model={}) == []
        assert self.held(tightened(1, EVERY_MODEL), model={}) == [("bands.tightened", 0.01, 0.2)]

    def test_evidence_and_people_hold_side_by_side_until_people_lift_what_they_read(self) -> None:
        both = (tightened(2), tightened(1, EVERY_MODEL, kind="bands.raised", tier="low"))
        assert [by for by, *_ in self.held(*both)] == ["bands.raised", "bands.tightened"]
        # In one scope, too, neither takes the other's place.
        assert len(self.held(tightened(2), tightened(1, EVERY_MODEL, kind="bands.raised"))) == 2
        assert [by for by, *_ in self.held(*both, lowered(2))] == ["bands.raised"]
        assert len(self.held(*both, lowered(1))) == 2, "it says something new since"
        assert [by for by, *_ in self.held(*both, lowered(1, "bands.lowered", tier="low"))] == ["bands.tightened"]
        assert len(self.held(*both, lowered(2, tier="low"))) == 2, "another scope's"

    def test_a_field_of_a_later_release_is_passed_over(self) -> None:
        assert self.held(tightened(1, {**LIMITS, "new_field": 1})) == [("bands.tightened", 0.03, 0.05)]

    @pytest.mark.parametrize(
        ("limits", "gives"),
        [
            ([LIMITS], None),
            ([{**LIMITS, "high": 0.04}, EVERY_MODEL], None),
            ([{**LIMITS, "high": 0.02}], "lower what the high limit was raised by for 1, which was 0.03"),
            ([{**LIMITS, "model_version": "2"}], "high limit was raised by for 1"),
            ([{**LIMITS, "calibrator_version": "platt-2"}], "high limit was raised by for 1"),
            ([{**LIMITS, "medium": 0.04}], "lower what the medium limit was raised by for 1, which was 0.05"),
            ([EVERY_MODEL], "high limit was raised by for 1"),
            ([{**EVERY_MODEL, "high": 0.03}], None),
        ],
    )
    def test_newer_evidence_never_gives_way(self, limits: list[dict[str, Any]], gives: str | None) -> None:
        assert gives in str(gives_way(limits, [LIMITS])) if gives else gives_way(limits, [LIMITS]) is None
        assert "for every model" in str(gives_way([LIMITS], [EVERY_MODEL]))


MODEL = {"name": "loan", "version": "1", "artifact_sha256": "cd" * 32, "calibrator_version": "platt-1"}


class TestCertificates:
    def certificate(self, **change: Any) -> Certificate:
        (found,) = read_controls([body("certificate.active", 1, {**LIVE, **change})]).certificates.values()
        return found

    def test_it_binds_to_one_model_one_calibrator_one_policy(self) -> None:
        certificate = self.certificate()
        assert certificate.binds(MODEL, "ab" * 32, NOW)
        for part in MODEL:
            assert not certificate.binds({**MODEL, part: "other"}, "ab" * 32, NOW)
        assert not certificate.binds(MODEL, "ac" * 32, NOW)
        assert not certificate.binds({}, "ab" * 32, NOW)

    def test_it_ends_at_its_moment(self) -> None:
        certificate = self.certificate(expires_at=rfc3339(NOW))
        assert not certificate.binds(MODEL, "ab" * 32, NOW)
        assert certificate.binds(MODEL, "ab" * 32, NOW - timedelta(microseconds=1))

    def test_one_that_was_taken_back_is_none(self) -> None:
        assert read_controls([body("certificate.active", 2, {**LIVE, "active": False})]).certificates == {}

    def test_a_proposal_is_nothing_to_a_routing(self) -> None:
        assert read_controls([body("certificate.proposed", 1, LIVE)]) == Controls()


@given(st.integers(-100, 100))
@settings(max_examples=40)
def test_a_peak_ends_by_itself(seconds: int) -> None:
    controls = Controls(peaks={("default", ANY): Switch("sale", NOW)})
    assert controls.peak("default", "loan", NOW + timedelta(seconds=seconds)) is (seconds < 0)
    assert not controls.peak("other", "loan", NOW + timedelta(seconds=seconds))


class TestFigures:
    @given(st.integers(0, 40), st.integers(0, 40), st.sampled_from([0.0, 0.02, 0.3, 1.0]))
    @settings(max_examples=40)
    def test_the_chance_of_so_few_errors_is_exact(self, errors: int, labels: int, alpha: float) -> None:
        wrong = Fraction(alpha)
        exact = sum(
            math.comb(labels, found) * wrong**found * (1 - wrong) ** (labels - found)
            for found in range(min(errors, labels) + 1)
        )
        assert at_most(errors, labels, alpha) == pytest.approx(float(exact), rel=1e-9)

    @pytest.mark.parametrize(
        ("errors", "labels", "alpha"), [(0, 59, 0.05), (0, 149, 0.02), (0, 299, 0.01), (1, 262, 0.02)]
    )
    def test_the_least_labels_that_bear_a_promise_out_do(self, errors: int, labels: int, alpha: float) -> None:
        state = {**LIVE, "errors": errors, "labels": labels, "alpha": alpha}
        assert unsupported(state) is None
        if errors == 0:
            assert unsupported({**state, "labels": labels - 1}) is not None

    @pytest.mark.parametrize(
        "change",
        [{"labels": 0, "errors": 0}, {"errors": 300}, {"alpha": 0.0}, {"errors": 9}, {"delta": 0.001},
         {"errors": MOST_ERRORS + 1, "labels": 10**12}],
    )  # fmt: skip
    def test_what_its_own_figures_do_not_bear_out_never_renews_by_itself(self, change: dict[str, Any]) -> None:
        assert is_loosened(RENEWAL, LIVE, NOW) is None
        assert (is_loosened({**RENEWAL, **change}, LIVE, NOW) or "").startswith("its own figures do not bear it out")

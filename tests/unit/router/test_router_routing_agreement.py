"""What must agree before a decision is automatic: certificates, trips, stops, tiers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from countersign_router.domain.controls import ANY, Certificate, Controls, Switch
from countersign_router.domain.routing import route
from tests.unit.router.cases import NEVER_DRAWN, NOW, bent, scored
from tests.unit.router.routed import CALM, codes, routed


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

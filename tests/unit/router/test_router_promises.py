"""What a policy asks to be promised travels with the control that puts it into force."""

from __future__ import annotations

from countersign_router.life.in_force import automation_terms
from countersign_shared.contracts.events.control import AutomationTerms
from tests.unit.router.cases import bent

AUDIT = {"level1": 0.02, "level2": 0.1, "floor": 0.05}


def test_each_tier_names_its_alpha_and_the_least_chance_of_an_audit() -> None:
    asked = {"certificate": "required", "alpha": {"negligible": 0.2, "low": 0.1, "high": 0.01}, "delta": 0.1}
    terms = automation_terms(bent(automation=asked, sampling={"audit": AUDIT}).document)
    AutomationTerms.model_validate(terms)
    assert terms["delta"] == 0.1
    # The floor lifts level 1; high consequence has no automatic level, so nothing can be promised of it.
    assert terms["tiers"] == {
        "negligible": {"alpha": 0.2, "audit_probability": 0.05},
        "low": {"alpha": 0.1, "audit_probability": 0.1},
    }


def test_a_tier_that_is_not_enabled_promises_nothing() -> None:
    asked = {"certificate": "required", "alpha": {"negligible": 0.2, "low": 0.1}, "tiers": ["low"]}
    assert list(automation_terms(bent(automation=asked).document)["tiers"]) == ["low"]

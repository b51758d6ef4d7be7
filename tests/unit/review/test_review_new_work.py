"""What a routed case asks of whoever takes it: what the policy and the case say, and care where they say nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from countersign_review.domain.blind import OWN_JUDGEMENT
from countersign_review.domain.intake import EARLIEST, LATEST, NewReview, deadline, new_review, review_kind
from countersign_review.domain.review import Kind
from tests.unit.review.test_review_context import read

ROUTED_AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
EUR = {"value": "20.50", "currency": "EUR"}


def work(kind: Kind = Kind.DECISION, *, case: dict[str, Any] | None = None, **changes: Any) -> NewReview:
    """Describe the work of an example whose amount is 310,000 USD and whose consequence is high."""
    routed = read("loan_application.level4")
    handling = routed["handling"] | changes.pop("handling", {})
    routed |= {"case": routed["case"] | (case or {}), "handling": handling, **changes}
    return new_review(routed, kind, review_id="r", title="t", fallback_queue="leads", routed_at=ROUTED_AT)


@pytest.mark.parametrize(
    ("level", "audit", "kind"),
    [
        (1, False, None), (1, True, Kind.AUDIT), (2, False, None), (2, True, Kind.AUDIT),
        (3, False, Kind.DECISION), (3, True, Kind.DECISION), (5, False, Kind.DECISION),
    ],
)  # fmt: skip
def test_review_people_decide_from_level_three_on(level: int, audit: bool, kind: Kind | None) -> None:
    assert review_kind(level, audit=audit) is kind


@pytest.mark.parametrize(
    ("consequence", "wanted", "rank"),
    [
        ("high", None, 3), ("high", "medium", 3), ("high", "critical", 4), ("low", "high", 3), (None, "low", 4),
        (None, None, 4),
    ],
)  # fmt: skip
def test_review_authority_is_that_of_the_consequence_or_what_the_policy_asks_beyond(
    consequence: str | None, wanted: str | None, rank: int
) -> None:
    found = work(
        consequence=consequence and {"tier": consequence}, handling={"authority": {"tier": wanted, "amount": None}}
    )
    assert found.tier_rank == rank


def test_review_the_amount_is_the_policys_or_else_the_cases() -> None:
    of_case = work(handling={"authority": None})
    assert (of_case.amount, of_case.currency, of_case.roles) == (Decimal("310000.00"), "USD", ())
    of_policy = work(handling={"authority": {"tier": None, "amount": EUR, "roles": ["lead"]}})
    assert (of_policy.amount, of_policy.currency, of_policy.roles) == (Decimal("20.50"), "EUR", ["lead"])
    without = work(case={"amount": None})
    assert (without.amount, without.currency) == (None, None)


def test_review_what_the_policy_says_of_people_is_asked_of_them() -> None:
    found = work(
        case={"language": "fr", "submitted_by": "ana", "test": True},
        handling={"skills": ["mortgage"], "reviewers_required": 2},
    )
    assert (found.skills, found.reviewers_required, found.language) == (["mortgage"], 2, "fr")
    assert (found.submitted_by, found.test, found.queue) == ("ana", True, "senior")
    bare = read("loan_application.level4")["handling"]
    del bare["reviewers_required"]
    routed = read("loan_application.level4") | {"handling": bare | {"skills": None}, "queue": None}
    plain = new_review(routed, Kind.DECISION, review_id="r", title="t", fallback_queue="leads", routed_at=ROUTED_AT)
    assert (plain.skills, plain.reviewers_required, plain.test, plain.queue) == ((), 1, False, "leads")


def test_review_an_audit_and_a_withheld_case_are_alike_in_the_queue() -> None:
    for found in (work(Kind.AUDIT), work(handling={"withhold": "blind"})):
        assert (found.withheld, found.reason) == (True, OWN_JUDGEMENT)
    assert not work().withheld


@pytest.mark.parametrize(
    ("wanted", "due", "at_risk"),
    [
        (None, 24, 18), ("2026-03-02T20:00:00Z", 11, 11), ("2026-03-03T05:00:00Z", 20, 18),
        ("2026-03-05T09:00:00Z", 24, 18),
    ],
)  # fmt: skip
def test_review_without_a_policys_deadline_a_day_is_given_or_what_upstream_asks_before(
    wanted: str | None, due: int, at_risk: int
) -> None:
    found = work(case={"deadline_at": wanted}, handling={"sla": None})
    assert (found.due_at, found.at_risk_at) == (
        ROUTED_AT + timedelta(hours=due), ROUTED_AT + timedelta(hours=at_risk)
    )  # fmt: skip


def test_review_deadlines_are_those_of_the_policy_within_years_that_can_be_counted_with() -> None:
    found = work()
    assert (found.due_at.isoformat(), found.at_risk_at.isoformat()) == (
        "2026-03-03T09:15:01+00:00", "2026-03-03T03:15:01+00:00"
    )  # fmt: skip
    assert deadline("2026-03-02T20:00:00Z") == datetime(2026, 3, 2, 20, tzinfo=UTC)
    assert deadline("0001-01-01T00:00:00Z") == EARLIEST
    assert deadline("9999-12-31T23:59:59Z") == LATEST

"""What a reviewer reads of the rules: the author's words, or the rule's name and what it read; never code."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countersign_router.domain.consequence import Consequence, consequence_text
from countersign_router.domain.controls import ANY, Controls, Switch
from countersign_router.domain.routing import Routing, route
from countersign_router.domain.wording import in_words, plain, wording
from countersign_router.language.loading import LoadedPolicy
from tests.unit.router.cases import NEVER_DRAWN, NOW, PAYLOAD, bent, scored, shipped


def routed(loaded: LoadedPolicy, controls: Controls | None = None, **payload: Any) -> Routing:
    return route(scored(payload={**PAYLOAD, **payload}), loaded.policy, controls or Controls(), NOW, NEVER_DRAWN)


def text_of(routing: Routing, code: str) -> str:
    (text,) = [reason["text"] for reason in routing.reasons if reason["code"] == code]
    return text


def test_a_rule_speaks_in_its_author_s_words() -> None:
    unverified = routed(shipped(), information_verified=False)
    assert text_of(unverified, "unverified_information") == "Information in the application could not be verified."
    floor = {"when": "case.bankruptcy_on_record", "text": "A person looks at every bankruptcy."}
    bankrupt = routed(bent(never_automate=floor), bankruptcy_on_record=True)
    assert text_of(bankrupt, "never_automate") == "A person looks at every bankruptcy."
    fresh = {"id": "fresh", "when": "true", "level_at_least": 3, "text": "The policy is new."}
    assert text_of(routed(bent(adjust=[fresh])), "adjustment") == "The policy is new."


def test_a_rule_without_words_is_named_with_what_it_read() -> None:
    loaded = bent(
        exceptions=[{"id": "heavy-obligations", "when": "case.total_obligations_ratio > 38.0", "level": 4}],
        never_automate="case.loan_amount > usd(50000) && !case.bankruptcy_on_record",
        adjust=[{"id": "fresh", "when": "policy.age > duration('168h')", "level_at_least": 3}],
    )
    routing = routed(loaded, total_obligations_ratio=41.2)
    assert text_of(routing, "exception") == "Rule heavy-obligations applies (Total obligations to income: 41.2)."
    assert text_of(routing, "never_automate") == (
        "Rule never_automate applies (Bankruptcy on record: no, Loan amount: $90,000)."
    )
    assert text_of(routing, "adjustment") == "Rule fresh asks for level 3 at least (age of the policy: 365 days)."


def test_no_reason_shows_the_code_of_a_rule() -> None:
    routing = routed(
        bent(never_automate="case.bankruptcy_on_record || !case.credit_meets_guidelines"),
        bankruptcy_on_record=True, total_obligations_ratio=41.2, owner_occupied=False,
    )  # fmt: skip
    assert {"never_automate", "debt_ratio", "adjustment"} <= {reason["code"] for reason in routing.reasons}
    for reason in routing.reasons:
        assert not any(sign in reason["text"] for sign in ("case.", "has(", "||", "&&", "==", "usd("))


def test_an_outcome_is_named_as_people_call_it() -> None:
    routing = route(scored(outcome="decline"), shipped().policy, Controls(), NOW, NEVER_DRAWN)
    assert text_of(routing, "outcome_needs_person") == "The outcome “Decline” is not decided without a person."


def test_moved_limits_are_explained_and_ask_for_no_level() -> None:
    shift = {"id": "lodger", "when": "!case.owner_occupied", "bands": {"high": 0.05}}
    for text in (None, "Nobody will live there."):
        rule = {**shift, "when": "has(case.owner_occupied) && !case.owner_occupied"} | ({"text": text} if text else {})
        routing = routed(bent(adjust=[rule]), owner_occupied=False)
        (said,) = [reason for reason in routing.reasons if reason["code"] == "adjustment"]
        assert said["text"] == (text or "Rule lodger moves the limits (Applicant will live there: no).")
        assert (said["rule_id"], said["values_read"]) == ("lodger", {"case.owner_occupied": False})
        assert "level" not in said
        assert routing.level == 1


def test_a_rule_for_some_tiers_says_that_it_read_the_tier() -> None:
    """Which tier it is may rest on the proposal: whoever must answer unseen is shown nothing that reads it."""
    peak = Controls(peaks={(ANY, ANY): Switch("quarter end")})
    (reason,) = [one for one in routed(shipped(), peak).reasons if one["code"] == "adjustment"]
    assert reason["values_read"] == {"controls.peak": True, "tier": "negligible"}


@pytest.mark.parametrize(
    ("tier", "factors", "text"),
    [
        ("negligible", (0, 0, 0, 0, 0), "Negligible consequence if wrong."),
        ("low", (1, 0, 0, 0, 1), "Low consequence if wrong (money, hard to undo)."),
        ("high", (1, 3, 3, 0, 1), "High consequence if wrong (the customer, compliance)."),
    ],
)
def test_the_consequence_is_one_short_line(tier: str, factors: tuple[int, ...], text: str) -> None:
    assert consequence_text(Consequence(tier, factors)) == text


@pytest.mark.parametrize(
    ("value", "currency", "text"),
    [
        (29_000_050, "USD", "$290,000.50"), (-500, "JPY", "-¥500"), (12_345, "TND", "TND 12.345"), (7, None, "7"),
        (41.2, None, "41.2"), (0.1 + 0.2, None, "0.3"), (True, None, "yes"), (False, None, "no"),
        (None, "USD", "not given"), ("delinquent_90_days", None, "delinquent 90 days"), ([], None, "none"),
        (["a_b", "c"], None, "a b, c"), (timedelta(hours=30), None, "30 hours"), (timedelta(days=3), None, "3 days"),
        (datetime(2026, 6, 1, tzinfo=UTC), None, "1 June 2026"),
        (datetime(2026, 6, 1, 9, 5, tzinfo=UTC), None, "1 June 2026 09:05 UTC"),
        (timedelta(hours=1), None, "60 minutes"), (timedelta(seconds=90), None, "1 minute"),
        (timedelta(seconds=-30), None, "0 minutes"), (-timedelta(days=3, hours=5), None, "-3 days"),
        (timedelta(seconds=-90), None, "-1 minute"), ("x" * 60, None, "x" * 60),
        ("x" * 61, None, "x" * 59 + "\u2026"), ("a\u202eb\nc", None, "abc"),
    ],
)  # fmt: skip
def test_values_are_written_as_people_do(value: object, currency: str | None, text: str) -> None:
    assert plain(value, currency) == text


@pytest.mark.parametrize(
    ("variable", "words"),
    [
        ("case.loan_to_value", "loan to value"), ("signals.rule_clarity", "rule clarity signal"),
        ("proposal.outcome", "proposed outcome"), ("confidence", "confidence"),
    ],
)  # fmt: skip
def test_variables_are_named_in_words(variable: str, words: str) -> None:
    assert in_words(variable) == words


@given(st.dictionaries(st.sampled_from([f"case.x{n}" for n in range(20)]), st.text() | st.lists(st.text())))
def test_no_text_of_a_case_makes_a_reason_long_or_unprintable(variables: dict[str, object]) -> None:
    said = wording(None, opening="Rule a applies", reads=sorted(variables), labels={}, currencies={}).said(variables)
    assert len(said) < 500
    assert said.isprintable()

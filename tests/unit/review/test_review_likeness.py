from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countersign_review.domain.likeness import compare, likeness, signature
from countersign_shared.contracts.decision_types import load_decision_types

LOAN = load_decision_types()["loan_application"]
POST = load_decision_types()["content_moderation"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def loan(**changes: Any) -> dict[str, Any]:
    return {
        "loan_amount": "310000.00", "purchase_price": "335000.00", "loan_to_value": 93.7, "term_months": 360,
        "monthly_income": "6120.00", "total_obligations_ratio": 44.9, "consumer_credit_record": "delinquent_60_days",
        "self_employed": False, "net_worth": "-4200.00", "race": "black", **changes,
    }  # fmt: skip


def alike(one: dict[str, Any], other: dict[str, Any], known: Any = LOAN) -> float:
    left, right = signature(one, known), signature(other, known)
    assert left
    assert right
    return likeness(left.code, right.code)


def test_the_nearer_the_facts_the_more_alike_are_the_cases() -> None:
    near = alike(loan(), loan(loan_amount="250000.00", loan_to_value=80.0))
    far = alike(loan(), loan(loan_amount="52000.00", loan_to_value=31.0, self_employed=True, net_worth="810000"))
    assert alike(loan(), loan()) == 1.0
    assert 0.8 < near < 1.0
    assert far < near - 0.2


def test_protected_facts_change_nothing() -> None:
    assert signature(loan(race="white", sex="female"), LOAN) == signature(loan(race="black"), LOAN)


def test_posts_are_alike_by_their_words() -> None:
    post = {"text": "Buy cheap watches today, everything genuine and with guarantee", "category": "spam", "reports": 3}
    copy = {**post, "text": "Buy cheap watches now, everything genuine and with full guarantee", "reports": 4}
    other = {**post, "text": "Yesterday our team finished the long walk around the lake"}
    assert alike(post, copy, POST) > alike(post, other, POST) + 0.2


def test_in_what_two_cases_are_alike_and_in_what_not_is_said_by_label() -> None:
    same, differ = compare(loan(), loan(loan_amount="320000", term_months=120), LOAN)
    assert "Loan amount" in same
    assert "Term" in differ
    assert "Race" not in same + differ


@given(st.dictionaries(st.sampled_from([field.name for field in LOAN.fields] + ["race"]), JSON, max_size=12))
def test_any_payload_has_a_signature_that_fits_its_columns_or_none(payload: dict[str, Any]) -> None:
    found = signature(payload, LOAN)
    if found:
        assert len(found.code) == 64
        assert all(0 <= key < 2**63 for key in found.keys)
        assert likeness(found.code, found.code) == 1.0


def test_places_lead_to_most_of_the_nearest_cases() -> None:
    chance = random.Random(7)

    def one() -> dict[str, Any]:
        return loan(
            loan_amount=str(round(10 ** chance.uniform(4.5, 6))),
            purchase_price=str(round(10 ** chance.uniform(4.5, 6))),
            loan_to_value=chance.uniform(20, 110), term_months=chance.choice([120, 180, 240, 360]),
            monthly_income=str(round(10 ** chance.uniform(3, 4.5))), total_obligations_ratio=chance.uniform(10, 60),
            consumer_credit_record=chance.choice(["clean", "delinquent_60_days", "charged_off"]),
            self_employed=chance.random() < 0.2, net_worth=str(round(chance.uniform(-1e4, 1e6))),
        )  # fmt: skip

    crowd = [signature(one(), LOAN) for _ in range(3_000)]
    assert all(crowd)
    side, hits, wanted = 20, 0, 0
    for asked in crowd[:25]:
        assert asked
        near: set[int] = set()
        for tree in range(6):
            order = sorted(range(len(crowd)), key=lambda at: crowd[at].keys[tree])  # type: ignore[union-attr]
            place = next(at for at, who in enumerate(order) if crowd[who] is asked)
            near |= set(order[max(place - side, 0) : place + side])
        truth = sorted(range(len(crowd)), key=lambda at: -likeness(asked.code, crowd[at].code))[1:6]  # type: ignore[union-attr]
        hits, wanted = hits + len(near & set(truth)), wanted + len(truth)
    assert hits / wanted > 0.6


@pytest.mark.parametrize("payload", [{}, {"race": "black"}, {"loan_amount": None}])
def test_a_case_that_says_nothing_is_like_no_other(payload: dict[str, Any]) -> None:
    assert signature(payload, LOAN) is None

"""Scopes of tenants: what two of them share, and what an administrator may touch."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countersign_review.domain.administration import ALL_TENANTS, Administrator, narrowed
from countersign_review.domain.refusals import BeyondYou, NotForYou, NotFound

NAMES = ("north", "south", "west")
SCOPES = st.one_of(st.just(ALL_TENANTS), st.frozensets(st.sampled_from(NAMES), min_size=1))


def seen(scope: frozenset[str]) -> frozenset[str]:
    return frozenset(NAMES) if "*" in scope else scope


def administrator(tenants: frozenset[str]) -> Administrator:
    return Administrator({"kind": "person", "pseudonym": "u_1", "role": "admin"}, tenants)


@given(SCOPES, SCOPES)
def test_review_a_narrowed_scope_sees_what_both_see(left: frozenset[str], right: frozenset[str]) -> None:
    assert seen(narrowed(left, right)) == seen(left) & seen(right)
    assert narrowed(left, right) == narrowed(right, left)


@given(SCOPES, SCOPES)
def test_review_nobody_gives_or_touches_more_than_they_see(own: frozenset[str], other: frozenset[str]) -> None:
    admin, user = administrator(own), {"username": "ana", "tenants": sorted(other)}
    # Somebody of all tenants acts for those that are added tomorrow, too.
    within = "*" in own or ("*" not in other and other <= own)
    assert admin.looks_after(other) is within
    if within:
        admin.check(user)
        admin.check_grant(other)
        return
    with pytest.raises(NotFound if not seen(own) & seen(other) else BeyondYou):
        admin.check(user)
    with pytest.raises(BeyondYou) as refused:
        admin.check_grant(other)
    assert refused.value.faults[0].pointer == "/tenants"
    named = "all tenants" if "*" in other else ", ".join(sorted(other - own))
    assert refused.value.faults[0].detail == f"You do not look after {named}."


@given(SCOPES, SCOPES)
def test_review_an_administrator_is_what_they_are_at_this_moment(own: frozenset[str], left: frozenset[str]) -> None:
    stored = {"roles": ["admin"], "tenants": sorted(left), "disabled_at": None}
    assert seen(administrator(own).now(stored).tenants) == seen(own) & seen(left)
    for gone in (None, {**stored, "roles": ["lead"]}, {**stored, "disabled_at": "today"}):
        with pytest.raises(NotForYou):
            administrator(own).now(gone)
    service = Administrator({"kind": "service", "pseudonym": "countersign"}, ALL_TENANTS)
    assert service.now(None) is service

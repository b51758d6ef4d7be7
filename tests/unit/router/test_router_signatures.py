"""Signatures: who may sign what, and which signatures count when they are used."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from countersign_router.domain import signatures as s
from countersign_router.life.late_losses import rests_on
from countersign_router.store import PersonChange
from countersign_shared.clock import parse_rfc3339

NOW = parse_rfc3339("2026-03-01T10:00:00Z")
RULE = s.Rule(frozenset({"policy_approver"}), 1, timedelta(hours=24))
TWO = replace(RULE, count=2)
SHA, OTHER = "a" * 64, "b" * 64


def sign(**given) -> s.Signature:
    signer = given.pop("signer", s.Signer("petra", frozenset({"policy_approver", "lead"})))
    return s.sign(RULE, **{"sha256": SHA, "named": SHA, "signer": signer, "authors": {"anton"}, "now": NOW} | given)


def signature(name: str = "petra", *, sha256: str = SHA, at: datetime = NOW, role: str = "policy_approver"):
    return s.Signature(name, role, sha256, at)


def counted(rule: s.Rule, *signatures: s.Signature, now: datetime = NOW, **given):
    return s.require_signed(rule, sha256=SHA, authors={"anton"}, signatures=signatures, now=now, **given)


def test_somebody_else_with_the_role_signs_the_hash_they_name() -> None:
    assert sign() == signature()


@pytest.mark.parametrize(
    ("given", "refusal"),
    [
        ({"signer": s.Signer("petra", frozenset({"lead"}))}, s.RoleMissing),
        ({"signer": s.Signer("anton", frozenset({"policy_approver"}))}, s.OwnWork),
        ({"named": OTHER}, s.HashMismatch),
        ({"standing": s.Standing(disabled=True)}, s.RoleLost),
        ({"standing": s.Standing(roles=frozenset({"lead"}))}, s.RoleLost),
        ({"standing": s.Standing(tenants=frozenset({"east"})), "tenant": "west"}, s.RoleLost),
    ],
)
def test_a_signature_is_refused_by_name(given, refusal) -> None:
    with pytest.raises(refusal):
        sign(**given)


def test_a_standing_that_speaks_for_the_signer_does_no_harm() -> None:
    standing = s.Standing(frozenset({"policy_approver"}), frozenset({"*"}))
    assert sign(standing=standing, tenant="west") == signature()
    # Nothing is known of anybody at first.
    assert sign(tenant="west") == signature()
    assert counted(RULE, signature(), tenant="west") == (signature(),)


def test_one_person_counts_once_however_often_they_sign() -> None:
    again = signature(at=NOW + timedelta(hours=1))
    assert counted(RULE, signature(), again) == (again,)
    with pytest.raises(s.SignaturesMissing):
        counted(TWO, signature(), again)
    assert counted(TWO, signature(), signature("paul")) == (signature(), signature("paul"))
    paul = signature("paul", at=NOW + timedelta(minutes=1))
    assert counted(TWO, signature(), paul, again) == (paul, again)


@pytest.mark.parametrize(
    ("one", "given", "refusal"),
    [
        (signature(sha256=OTHER), {}, s.HashMismatch),
        (signature("anton"), {}, s.OwnWork),
        (signature(role="lead"), {}, s.RoleMissing),
        (signature(), {"standings": {"petra": s.Standing(disabled=True)}}, s.RoleLost),
        (signature(), {"standings": {"petra": s.Standing(roles=frozenset({"lead"}))}}, s.RoleLost),
        (signature(), {"standings": {"petra": s.Standing(tenants=frozenset({"east"}))}, "tenant": "west"}, s.RoleLost),
        (signature(), {"now": NOW + timedelta(hours=24)}, s.SignatureExpired),
    ],
)
def test_a_signature_that_does_not_count_says_why(one, given, refusal) -> None:
    with pytest.raises(refusal):
        counted(RULE, one, **given)
    # Somebody else's signature makes up for it.
    fresh = signature("paul", at=given.get("now", NOW))
    assert counted(RULE, one, fresh, **given) == (fresh,)


def test_the_last_moment_of_a_signature_still_counts() -> None:
    assert counted(RULE, signature(), now=NOW + timedelta(hours=24) - timedelta(microseconds=1))


def test_a_lost_role_is_said_before_anything_else() -> None:
    standings = {"petra": s.Standing(disabled=True)}
    with pytest.raises(s.RoleLost):
        counted(RULE, signature(), signature("paul", sha256=OTHER), standings=standings)


def test_nobody_has_signed() -> None:
    with pytest.raises(s.SignaturesMissing, match="0 of 1"):
        counted(RULE)


def test_what_holds_for_all_tenants_rests_on_whoever_saw_all_of_them() -> None:
    body = {
        "kind": "stop", "tenant": "*", "state": {"active": False}, "changed_at": "2026-01-15T12:00:00Z",
        "signatures": [{"pseudonym": "p-lena", "role": "lead"}],
    }  # fmt: skip
    before = datetime(2026, 1, 15, 11, tzinfo=UTC)
    keeps = PersonChange("p-lena", 2, before, roles=("lead",), tenants=("*",))
    assert rests_on([body], keeps) == []
    assert rests_on([body], replace(keeps, tenants=("east",))) == [(body, "lead")]
    assert rests_on([{**body, "tenant": "east"}], replace(keeps, tenants=("east",))) == []

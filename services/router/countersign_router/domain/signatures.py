"""Signatures of people on a document, which they name by its SHA-256: who may sign, and when enough have.

What a signature rests on is looked at twice: when it is given, by the roles of the caller's token, and when it is used,
by what has become known of the signer since. A signature is good for one hash only, and not for ever.

SignatureRefusal
├── HashMismatch       the hash that was named is not the hash at hand
├── OwnWork            authors do not sign what they wrote
├── RoleMissing        the signer does not hold the role
├── RoleLost           the signer held the role once and does not any more
├── SignatureExpired   it was signed too long ago
└── SignaturesMissing  fewer different people have signed than must
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType

from countersign_shared.clock import rfc3339
from countersign_shared.errors import CountersignError


class SignatureRefusal(CountersignError):  # noqa: N818 - a refusal, not a fault
    """A signature cannot be given, or does not count."""

    code = "signature_refused"


class HashMismatch(SignatureRefusal):
    """The hash that was named is not the hash at hand: something else would have been signed."""

    code = "hash_mismatch"


class OwnWork(SignatureRefusal):
    """Authors do not sign what they wrote."""

    code = "own_work"


class RoleMissing(SignatureRefusal):
    """The signer does not hold the role."""

    code = "role_missing"


class RoleLost(SignatureRefusal):
    """The signer held the role once and does not any more."""

    code = "role_lost"


class SignatureExpired(SignatureRefusal):
    """It was signed too long ago."""

    code = "signature_expired"


class SignaturesMissing(SignatureRefusal):
    """Fewer different people have signed than must."""

    code = "signatures_missing"


@dataclass(frozen=True, slots=True)
class Rule:
    """``count`` different people with one of ``roles`` must have signed, none of them longer than ``lasts`` ago."""

    roles: frozenset[str]
    count: int
    lasts: timedelta


@dataclass(frozen=True, slots=True)
class Standing:
    """The newest that is known of a person from the record: None where the record has not said anything."""

    roles: frozenset[str] | None = None
    tenants: frozenset[str] | None = None
    disabled: bool = False

    def may(self, role: str, tenant: str | None = None) -> bool:
        """Tell whether nothing known speaks against this role, and against this tenant where one is named."""
        if self.disabled or (self.roles is not None and role not in self.roles):
            return False
        return tenant is None or self.tenants is None or bool(self.tenants & {"*", tenant})


UNKNOWN = Standing()


@dataclass(frozen=True, slots=True)
class Signer:
    """Who is about to sign, with the roles of their token."""

    pseudonym: str
    roles: frozenset[str]


@dataclass(frozen=True, slots=True)
class Signature:
    """One person's approval of one document, in one role."""

    pseudonym: str
    role: str
    sha256: str
    signed_at: datetime


def sign(
    rule: Rule, *, sha256: str, named: str, signer: Signer, authors: Collection[str], now: datetime,
    standing: Standing = UNKNOWN, tenant: str | None = None,
) -> Signature:  # fmt: skip
    """Return the signature of a person who names the hash they have seen; a refusal says why there is none."""
    held = sorted(signer.roles & rule.roles)
    if not held:
        raise RoleMissing(f"this needs the role {_either(rule.roles)}; {signer.pseudonym} does not hold it")
    role = next((one for one in held if standing.may(one, tenant)), None)
    if role is None:
        raise RoleLost(f"the role {held[0]} was taken from {signer.pseudonym}, or the account is disabled")
    if named != sha256:
        raise HashMismatch(
            f"what was to be signed is {_short(named)}, what is there is {_short(sha256)}: read it again"
        )
    if signer.pseudonym in authors:
        raise OwnWork(f"{signer.pseudonym} wrote some of it, and authors do not sign their own work")
    return Signature(signer.pseudonym, role, sha256, now)


def require_signed(
    rule: Rule, *, sha256: str, authors: Collection[str], signatures: Iterable[Signature], now: datetime,
    standings: Mapping[str, Standing] = MappingProxyType({}), tenant: str | None = None,
) -> tuple[Signature, ...]:  # fmt: skip
    """Return the signatures that count, oldest first, one a person; a refusal says why they are not enough."""
    counted: dict[str, Signature] = {}
    refused: list[SignatureRefusal] = []
    for one in sorted(signatures, key=lambda signature: signature.signed_at):
        why = _uncounted(rule, one, sha256, authors, standings.get(one.pseudonym, UNKNOWN), now, tenant)
        if why is None:
            counted.pop(one.pseudonym, None)
            counted[one.pseudonym] = one
        else:
            refused.append(why)
    if len(counted) >= rule.count:
        return tuple(counted.values())
    missing = SignaturesMissing(
        f"{len(counted)} of {rule.count} signatures are there; {_either(rule.roles)} other than the author must sign"
    )
    # What happened to a signature that was there says more than that one is missing.
    raise max(refused, key=lambda one: _TELLING.index(type(one)), default=missing)


_TELLING: tuple[type[SignatureRefusal], ...] = (HashMismatch, SignatureExpired, OwnWork, RoleMissing, RoleLost)
"""The more telling refusal comes later."""


def _uncounted(
    rule: Rule, one: Signature, sha256: str, authors: Collection[str], standing: Standing, now: datetime,
    tenant: str | None,
) -> SignatureRefusal | None:  # fmt: skip
    if one.sha256 != sha256:
        return HashMismatch(f"{one.pseudonym} signed {_short(one.sha256)}, what is there is {_short(sha256)}")
    if one.pseudonym in authors:
        return OwnWork(f"{one.pseudonym} wrote some of it, and authors do not sign their own work")
    if one.role not in rule.roles:
        return RoleMissing(f"{one.pseudonym} signed as {one.role}; this needs {_either(rule.roles)}")
    if not standing.may(one.role, tenant):
        return RoleLost(f"{one.pseudonym} has lost the role {one.role} since signing: somebody else must sign")
    if now >= one.signed_at + rule.lasts:
        return SignatureExpired(f"the signature of {one.pseudonym} ended at {rfc3339(one.signed_at + rule.lasts)}")
    return None


def _either(roles: Collection[str]) -> str:
    return " or ".join(sorted(roles))


def _short(sha256: str) -> str:
    return sha256[:12]

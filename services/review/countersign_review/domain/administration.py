"""Whom an administrator looks after: people who act for the administrator's own tenants and for no others."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from countersign_review.domain.answer import Fault
from countersign_review.domain.refusals import BeyondYou, NotForYou, NotFound

ALL_TENANTS = frozenset({"*"})


@dataclass(frozen=True, slots=True)
class Administrator:
    """Who changes something about people: how the record names them, and the tenants they look after."""

    actor: Mapping[str, Any]
    tenants: frozenset[str]

    def now(self, user: Mapping[str, Any] | None) -> Self:
        """Return them with what they may at this moment; ``user`` is what is stored of them, None for a service.

        Of two administrators who take the role from each other, one comes first.

        Raises: NotForYou.
        """
        if self.actor["kind"] != "person":
            return self
        if user is None or user["disabled_at"] is not None or "admin" not in user["roles"]:
            raise NotForYou("You are not an administrator any more.")
        return replace(self, tenants=narrowed(self.tenants, frozenset(user["tenants"])))

    def looks_after(self, tenants: Collection[str]) -> bool:
        """Tell whether all these tenants are among their own."""
        return "*" in self.tenants or self.tenants.issuperset(tenants)

    def check(self, user: Mapping[str, Any]) -> None:
        """Refuse what they want to do to a user who also acts for other tenants; whom they share none with is nobody.

        Raises: NotFound, BeyondYou.
        """
        if self.looks_after(user["tenants"]):
            return
        if not narrowed(frozenset(user["tenants"]), self.tenants):
            raise NotFound("There is no such user.")
        raise BeyondYou(
            f"{user['username']} also acts for tenants that you do not look after; an administrator of all of them "
            "can do this."
        )

    def check_grant(self, tenants: Collection[str]) -> None:
        """Refuse to hand out tenants that are not their own: nobody gives what they have not got.

        Raises: BeyondYou.
        """
        if self.looks_after(tenants):
            return
        beyond = sorted(set(tenants) - self.tenants)
        named = "all tenants" if "*" in beyond else ", ".join(beyond)
        own = ", ".join(sorted(self.tenants))
        raise BeyondYou(
            f"Nobody gives tenants that are not theirs; yours: {own}.",
            faults=[Fault("/tenants", f"You do not look after {named}.")],
        )


def narrowed(left: frozenset[str], right: frozenset[str]) -> frozenset[str]:
    """Return the tenants in both scopes, where ``*`` is every tenant."""
    if "*" in left:
        return right
    return left if "*" in right else left & right

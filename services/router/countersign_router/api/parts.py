"""What every route works with: the desk, who is calling, and what they may act on."""

from typing import Annotated, Protocol
from uuid import UUID

from fastapi import Depends, Request

from countersign_router.api.desk import Desk
from countersign_router.controls.events import Actor
from countersign_router.domain.controls import ANY
from countersign_shared.http import Principal, Problem, require

SWITCHERS = ("operator", "admin", "lead")
"""Who may halt automation and take part in turning it back on."""
READERS = ("analyst", "lead", "operator", "auditor", "policy_author", "policy_approver", "admin")
"""Who may see policies and figures. Reviewers may not: they would colour their answers."""
POLICY_WORK = frozenset({"policy_author", "policy_approver", "analyst", "auditor", "admin"})
"""Whoever gives one of these roles to somebody who answers has chosen to trust them."""
switcher = require(*SWITCHERS)
reader = require(*READERS)
MAX_LIST = 200


class NewId(Protocol):
    """Gives a fresh random id."""

    def __call__(self) -> UUID:
        """Return it."""


def _desk(request: Request) -> Desk:
    desk: Desk = request.app.state.desk
    return desk


WithDesk = Annotated[Desk, Depends(_desk)]
Reader = Annotated[Principal, reader]
Switcher = Annotated[Principal, switcher]


def check_tenant(principal: Principal, tenant: str) -> None:
    """Whoever acts on all tenants must be allowed to see all of them."""
    if not principal.sees(tenant):
        named = "all tenants" if tenant == ANY else f"tenant {tenant}"
        raise Problem(403, "forbidden", "Not your tenant", f"You may not act for {named}.")


def check_untold(principal: Principal) -> None:
    """Refuse a list of cases with what the machine said of them to those who may have to answer some of them unseen."""
    if principal.may_answer and not principal.roles & POLICY_WORK:
        raise Problem(
            403, "forbidden", "Not for those who answer", "A replay lists cases with what the AI said of them."
        )


def actor(principal: Principal) -> Actor:
    """Return who acts, in the role that lets them switch."""
    return Actor(principal.subject, next(role for role in SWITCHERS if role in principal.roles))


def check_declared(desk: Desk, decision_type: str) -> None:
    """Refuse a decision type that nobody declared: after a slip, whoever is in a hurry would believe in a switch."""
    if decision_type != ANY and decision_type not in desk.decision_types:
        declared = ", ".join(sorted(desk.decision_types)) or "none"
        raise Problem(
            404, "decision-type-unknown", "Nothing was changed",
            f"There is no decision type {decision_type}; declared: {declared}.",
        )  # fmt: skip

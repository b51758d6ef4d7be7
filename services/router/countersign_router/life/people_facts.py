"""What review says of people: who was given which roles, whose account was disabled.

A signature rests on a role, and the token that proved the role is five minutes old at most when it is given. From then
on these facts decide whether it still counts (docs/adr/0024-a-signature-counts-while-the-role-is-held.md).
"""

from datetime import datetime
from typing import Any

from countersign_router.store import PersonChange

DISABLED = {"user.added": False, "user.enabled": False, "user.disabled": True}
KINDS = frozenset({*DISABLED, "user.changed"})


def person_change(body: dict[str, Any]) -> PersonChange:
    """Read the body of a user activity."""
    fact = body["body"]
    return PersonChange(
        pseudonym=fact["user"], sequence=int(body["sequence"]), at=datetime.fromisoformat(body["occurred_at"]),
        roles=_names(fact.get("roles")), tenants=_names(fact.get("tenants")), disabled=DISABLED.get(body["kind"]),
    )  # fmt: skip


def _names(value: Any) -> tuple[str, ...] | None:
    return None if value is None else tuple(str(one) for one in value)

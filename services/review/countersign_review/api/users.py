"""Users over HTTP: who there is, what they may do, and who works at the desk."""

import ipaddress
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, Query

from countersign_review.api.access import ADMIN, TEAM, Identity, Known, Version
from countersign_review.api.again import Again
from countersign_review.api.models.people import (
    Authority,
    Colleague,
    Colleagues,
    Money,
    PersonName,
    PersonNames,
    User,
    UserChange,
    UserCreated,
    UserRequest,
    Users,
)
from countersign_review.api.models.text import Line, PathPart
from countersign_review.api.parts import Using
from countersign_review.domain.administration import narrowed
from countersign_review.domain.eligibility import TIERS, Amount
from countersign_review.settings import Settings
from countersign_review.store.passwords import new_password
from countersign_review.store.people import Authority as StoredAuthority
from countersign_review.store.people import Change
from countersign_shared.http import Problem

router = APIRouter(tags=["people"])
MOST_COLLEAGUES = 1_000
"""Names for a list to choose from; a larger desk is searched by typing."""
MOST_NAMES = 100
"""A page of any list names fewer people."""


@router.get("/users", dependencies=[ADMIN])
async def list_users(
    who: Known,
    parts: Using,
    limit: Annotated[int, Query(ge=1, le=200)] = 200,
    cursor: Annotated[str | None, Query(pattern=r"^[a-z0-9._@-]{1,63}$", description="From `next_cursor`.")] = None,
) -> Users:
    """Return the users who act for one of your tenants by name, disabled ones too."""
    rows = await parts.people.page(sorted(who.tenants), after=cursor or "", limit=limit)
    return Users(
        items=[User(**_seen_by(who, row)) for row in rows],
        next_cursor=rows[-1]["username"] if len(rows) == limit else None,
    )


@router.post("/users", dependencies=[ADMIN], status_code=201)
async def create_user(body: UserRequest, who: Known, parts: Using, again: Again) -> UserCreated:
    """Add a local user; the password is in this answer and nowhere else."""
    if not passwords_allowed(parts.settings):
        raise no_local_users()
    password = new_password()
    tenants = sorted(who.tenants) if body.tenants is None else body.tenants
    row = await parts.people.add(
        body.username, display_name=body.display_name, roles=body.roles, tenants=tenants,
        authority=_stored(body.authority), password_hash=await parts.passwords.hash(password), by=who.administrator,
        request=again,
    )  # fmt: skip
    if row is None:
        raise Problem(409, "name-taken", "The name is taken", f"There is a user {body.username} already.")
    return UserCreated(**user_fields(row), password=password)


@router.put("/users/{username}", dependencies=[ADMIN])
async def change_user(
    username: PathPart, body: UserChange, who: Known, parts: Using, version: Version, again: Again
) -> User:
    """Set a user's name, roles, tenants and authority, in place of the version read; in force at their next request."""
    if who.user["username"] == username and not {"admin"} <= set(body.roles):
        raise _own_account("Somebody else has to take the role admin from you.")
    if who.user["username"] == username and not _covers(body.tenants, who.user["tenants"]):
        raise _own_account("Somebody else has to take tenants from you.")
    change = Change(body.display_name, body.roles, body.tenants, _stored(body.authority), version)
    row = await parts.departures.change(username, change, by=who.administrator, request=again)
    parts.hub.resync_of(row["pseudonym"])
    return User(**user_fields(row))


@router.post("/users/{username}/disable", dependencies=[ADMIN])
async def disable_user(username: PathPart, who: Known, parts: Using, again: Again) -> User:
    """Disable a user: sessions, links, keys and claims end at once."""
    if who.user["username"] == username:
        raise _own_account("Somebody else has to disable your account.")
    row = await parts.departures.disable(username, by=who.administrator, request=again)
    parts.hub.resync_of(row["pseudonym"])
    return User(**user_fields(row))


@router.post("/users/{username}/enable", dependencies=[ADMIN])
async def enable_user(username: PathPart, who: Known, parts: Using, again: Again) -> User:
    """Let a disabled user in again; their keys stay revoked."""
    return User(**user_fields(await parts.people.enable(username, by=who.administrator, request=again)))


@router.post("/users/{username}/password", dependencies=[ADMIN])
async def reset_password(username: PathPart, who: Known, parts: Using, again: Again) -> UserCreated:
    """Give a local user another password, in this answer and nowhere else; their sessions end."""
    if not passwords_allowed(parts.settings):
        raise no_local_users()
    password = new_password()
    hashed = await parts.passwords.hash(password)
    row = await parts.people.set_password(username, hashed, by=who.administrator, request=again)
    parts.hub.resync_of(row["pseudonym"])
    return UserCreated(**user_fields(row), password=password)


@router.get("/colleagues", dependencies=[TEAM])
async def list_colleagues(who: Known, parts: Using) -> Colleagues:
    """Return the people at the desk of your tenants: whom work can be handed to, and who stands in for whom."""
    rows = await parts.people.colleagues(sorted(who.tenants), limit=MOST_COLLEAGUES)
    names = ("username", "display_name", "roles", "stands_in", "away_until")
    return Colleagues(items=[
        Colleague(
            **{name: row[name] for name in names}, beyond_you=not who.administrator.looks_after(row["tenants"])
        )
        for row in rows
    ])  # fmt: skip


@router.get("/names", dependencies=[TEAM])
async def list_names(
    who: Known, parts: Using, pseudonym: Annotated[list[Line], Query(min_length=1, max_length=MOST_NAMES)]
) -> PersonNames:
    """Return what people of your tenants are called, by their pseudonyms; those who have left, too."""
    rows = await parts.people.names(sorted(who.tenants), pseudonym)
    return PersonNames(items=[PersonName(**dict(row)) for row in rows])


def passwords_allowed(settings: Settings) -> bool:
    """Tell whether local users may sign in with passwords: on loopback, or where the operator says so."""
    if settings.local_users == "allow" or settings.http_host == "localhost":
        return True
    try:
        return ipaddress.ip_address(settings.http_host).is_loopback
    except ValueError:
        return False


def no_local_users() -> Problem:
    """Return the refusal of local users where others than this machine could reach them."""
    return Problem(
        403, "local-users-only-on-loopback", "Local users are for this machine",
        "Local users exist only where HTTP_HOST is loopback. Behind a port that only this machine reaches, set "
        "LOCAL_USERS=allow.",
    )  # fmt: skip


def user_fields(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a stored user as the API shows them."""
    limit = row["amount_limit"]
    authority = Authority.model_validate({
        "decision_types": row["decision_types"], "max_tier": TIERS[row["max_tier_rank"]],
        "amount_limit": Money(value=str(limit), currency=row["currency"]) if limit is not None else None,
        **{name: row[name] for name in ("skills", "languages", "training_valid_until", "delegates")},
    })  # fmt: skip
    names = ("username", "display_name", "pseudonym", "roles", "tenants", "created_at", "disabled_at", "version")
    return {**{name: row[name] for name in names}, "authority": authority}


def _seen_by(who: Identity, row: Mapping[str, Any]) -> dict[str, Any]:
    # Which other tenants there are is nobody's business who looks after some of them only.
    tenants = frozenset(row["tenants"])
    return {
        **user_fields(row), "tenants": sorted(narrowed(tenants, who.tenants)),
        "beyond_you": not who.administrator.looks_after(tenants),
    }  # fmt: skip


def _stored(authority: Authority) -> StoredAuthority:
    limit = authority.amount_limit
    return StoredAuthority(
        decision_types=authority.decision_types, max_tier=authority.max_tier,
        amount_limit=Amount(Decimal(limit.value), limit.currency) if limit else None,
        skills=authority.skills, languages=authority.languages,
        training_valid_until=authority.training_valid_until, delegates=authority.delegates,
    )  # fmt: skip


def _covers(tenants: Sequence[str], before: Sequence[str]) -> bool:
    return "*" in tenants or set(tenants) >= set(before)


def _own_account(detail: str) -> Problem:
    # Nobody locks the last door behind themselves.
    return Problem(409, "own-account", "Not on your own account", detail)

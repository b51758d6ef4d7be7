"""Who is calling: a browser with its cookie, a program with its key, or a bearer of one of our tokens."""

import hmac
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import Depends, Header, Request

from countersign_review.api.parts import Parts
from countersign_review.api.tokens import Bearer
from countersign_review.domain.administration import Administrator, narrowed
from countersign_review.domain.events import person
from countersign_review.settings import Settings
from countersign_review.store.caller import Caller
from countersign_review.store.people import profile_of
from countersign_shared.http import ROLES, Principal, Problem, require
from countersign_shared.http.auth import unauthenticated

COOKIE = "cs_session"
SECURE_COOKIE = "__Host-cs_session"
"""Behind HTTPS: browsers take a cookie of this name only when it is Secure, for this host alone, from this host."""
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
DESK = require("reviewer", "lead")
LEAD = require("lead")
TEAM = require("reviewer", "lead", "admin")
UPDATERS = require("reviewer", "lead", "operator", "submitter")
ADMIN = require("admin")
ANYBODY = require(*sorted(ROLES))
READING = frozenset({"reviewer", "lead", "admin", "auditor", "operator", "analyst"})
READERS = require(*sorted(READING))


@dataclass(frozen=True, slots=True)
class Identity:
    """An authenticated caller with everything known of them; ``csrf_token`` is there for a browser only."""

    user: Mapping[str, Any]
    roles: frozenset[str]
    tenants: frozenset[str]
    csrf_token: str | None = None
    expires_at: datetime | None = None

    @property
    def principal(self) -> Principal:
        """The caller as the shared rules know them."""
        return Principal(self.user["pseudonym"], self.user["username"], self.roles, self.tenants)

    @property
    def bearer(self) -> Bearer:
        """The caller as a token names them."""
        return Bearer(self.user["pseudonym"], self.user["username"], self.roles, self.tenants)

    @property
    def caller(self) -> Caller:
        """The caller as the desk knows them."""
        profile = profile_of(self.user, roles=self.roles, tenants=self.tenants)
        return Caller(profile, self.csrf_token is not None, self.user["undo_seconds"])

    @property
    def administrator(self) -> Administrator:
        """The caller as whoever changes something about people."""
        return Administrator(person(self.user["pseudonym"], "admin"), self.tenants)

    @property
    def may_answer(self) -> bool:
        """Whether they might have to answer something unseen, and so must not be told what automation did."""
        return bool(self.roles & {"reviewer", "lead"})


def cookie_name(settings: Settings) -> str:
    """Return what the session's cookie is called here."""
    return SECURE_COOKIE if settings.cookie_secure else COOKIE


async def authenticate(request: Request) -> Principal:
    """Find out who is calling, or raise a 401 problem."""
    identity = await identify(request)
    if request.method not in SAFE_METHODS:
        _check_pace(request.app.state.parts, identity)
    request.state.identity = identity
    return identity.principal


def _check_pace(parts: Parts, identity: Identity) -> None:
    if wait := parts.pace.wait_seconds(identity.user["pseudonym"], parts.clock()):
        seconds = max(math.ceil(wait), 1)
        raise Problem(
            429, "too-many-writes", "Too many writes", f"Nothing was changed; try again in {seconds} s.",
            headers={"Retry-After": str(seconds)},
        )  # fmt: skip


async def identify(request: Request, *, used: bool = True) -> Identity:
    """Return everything known of the caller, or raise a 401 problem; ``used`` starts a session's idle time anew."""
    parts: Parts = request.app.state.parts
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token:
        return await (_by_key(parts, token) if token.startswith("cs_") else _by_token(parts, token))
    return await _by_cookie(parts, request, used=used)


async def _by_key(parts: Parts, key: str) -> Identity:
    holder = await parts.people.key_holder(key)
    if holder is None:
        raise unauthenticated("The API key is wrong, expired or revoked.")
    return Identity(holder.user, holder.roles, holder.tenants)


async def _by_token(parts: Parts, token: str) -> Identity:
    claims = parts.signer.read(token, audience="review", now=parts.clock())
    user = await parts.people.find_pseudonym(str(claims["sub"])) if claims else None
    if claims is None or user is None:
        raise unauthenticated("The token is not valid here; POST /api/review/v1/token gives one.")
    roles = frozenset(claims["roles"]) & frozenset(user["roles"])
    return Identity(user, roles, narrowed(frozenset(user["tenants"]), frozenset(claims["tenants"])))


async def _by_cookie(parts: Parts, request: Request, *, used: bool) -> Identity:
    cookie = request.cookies.get(cookie_name(parts.settings))
    session = await parts.people.session(cookie, used=used) if cookie else None
    if session is None:
        raise unauthenticated("Sign in, or send `Authorization: Bearer KEY`.")
    if request.method not in SAFE_METHODS:
        sent = request.headers.get("x-csrf-token", "")
        if not hmac.compare_digest(sent.encode(), session.csrf_token.encode()):
            raise Problem(
                403, "csrf", "The request did not come from the console", "Send the csrf_token of /me as X-CSRF-Token."
            )
    user = session.user
    return Identity(user, frozenset(user["roles"]), frozenset(user["tenants"]), session.csrf_token, session.expires_at)


async def _identity(request: Request) -> Identity:
    identity: Identity = request.state.identity
    return identity


async def _at_desk(request: Request, _: Annotated[Principal, DESK]) -> Caller:
    identity: Identity = request.state.identity
    return identity.caller


Known = Annotated[Identity, Depends(_identity)]
"""The caller; for routes that state their roles with ``dependencies=[...]``, which run first."""
AtDesk = Annotated[Caller, Depends(_at_desk)]
"""The caller as a reviewer."""


async def _version(
    if_match: Annotated[
        str | None, Header(alias="If-Match", description='The version that was read, for example `"3"`.')
    ] = None,
) -> int:
    if if_match is None:
        raise Problem(428, "version-required", "Which version?", "Send the version you read as If-Match.")
    return parse_version(if_match)


def parse_version(if_match: str) -> int:
    """Read a version from If-Match."""
    text = if_match.strip().removeprefix("W/").strip('"')
    if not text.isascii() or not text.isdigit() or len(text) > 9:  # noqa: PLR2004 - far more than any claim sees
        raise Problem(400, "bad-version", "Not a version", f"If-Match must be a version, not {if_match!r}.")
    return int(text)


Version = Annotated[int, Depends(_version)]
"""The version that a write rests on."""

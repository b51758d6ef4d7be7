"""Signing in, who I am, keys and tokens over HTTP."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from fastapi import APIRouter, Request, Response

from countersign_review.api.access import ADMIN, ANYBODY, Identity, Known, cookie_name
from countersign_review.api.again import Again
from countersign_review.api.forward import WHOLE_LOG
from countersign_review.api.models.people import (
    ApiKey,
    ApiKeyCreated,
    ApiKeyRequest,
    ApiKeys,
    JsonWebKeys,
    Me,
    OwnSettings,
    SessionRequest,
    Token,
    TokenRequest,
)
from countersign_review.api.models.text import PathPart
from countersign_review.api.parts import Parts, Using
from countersign_review.api.tokens import LIFETIME
from countersign_review.api.users import no_local_users, passwords_allowed, user_fields
from countersign_review.domain.administration import narrowed
from countersign_review.settings import Settings
from countersign_review.store.people import key_reach
from countersign_shared.http import FieldError, Problem, public
from countersign_shared.http.auth import unauthenticated

router = APIRouter(tags=["people"])
# What did not work, and what to do. Neither tells whether a name is anybody's.
_BY_LINK = "This link does not work any more: each signs in once. Ask for a new one, or sign in by name."
_BY_NAME = "That did not work: wrong name or password. An administrator can give you a new password."


@router.post("/session", dependencies=[public])
async def sign_in(body: SessionRequest, request: Request, response: Response, parts: Using) -> Me:
    """Sign in; the answer sets a fresh session cookie, whatever the browser came with."""
    _same_origin(request)
    address = request.client.host if request.client else "unknown"
    who = (f"name:{body.username or ''}", f"address:{address}") if body.username else (f"address:{address}",)
    async with parts.attempts.turn:
        user = await _attempt(parts, body, who)
    lasts = timedelta(hours=parts.settings.session_hours)
    token = await parts.people.open_session(
        user, lasts=lasts, replaces=request.cookies.get(cookie_name(parts.settings))
    )
    session = await parts.people.session(token) if token is not None else None
    if token is None or session is None:
        raise unauthenticated("The account was disabled meanwhile, or given another password.")
    _set_cookie(response, parts.settings, token, int(lasts.total_seconds()))
    return _me(Identity(
        session.user, frozenset(session.user["roles"]), frozenset(session.user["tenants"]), session.csrf_token,
        session.expires_at,
    ))  # fmt: skip


@router.delete("/session", dependencies=[ANYBODY], status_code=204)
async def sign_out(request: Request, parts: Using) -> Response:
    """Sign out: the session is over everywhere."""
    if cookie := request.cookies.get(cookie_name(parts.settings)):
        await parts.people.close_session(cookie)
    response = Response(status_code=204)
    _set_cookie(response, parts.settings, "", 0)
    return response


@router.get("/me", dependencies=[ANYBODY])
async def me(who: Known) -> Me:
    """Return who is signed in."""
    return _me(who)


@router.put("/me/settings", dependencies=[ANYBODY])
async def change_settings(body: OwnSettings, who: Known, parts: Using) -> Me:
    """Set what is yours alone to choose. More time to undo holds from your next answer at the console on."""
    user = await parts.people.set_undo_seconds(who.user["username"], body.undo_seconds)
    return _me(replace(who, user={**who.user, **user}))


@router.get("/api-keys", dependencies=[ADMIN])
async def list_api_keys(who: Known, parts: Using) -> ApiKeys:
    """Return the keys that reach one of your tenants, without secrets."""
    return ApiKeys(items=[ApiKey(**_seen_by(who, row)) for row in await parts.people.keys(who.tenants)])


@router.post("/api-keys", dependencies=[ADMIN], status_code=201)
async def create_api_key(body: ApiKeyRequest, who: Known, parts: Using, again: Again) -> ApiKeyCreated:
    """Make a key that acts as its owner, with these roles at most; it is in this answer and nowhere else."""
    owner = await parts.people.find(body.username)
    if owner is None:
        raise Problem(404, "not-found", "Not found", "There is no such user, or they are disabled.")
    who.administrator.check(owner)
    if beyond := sorted(set(body.roles) - set(owner["roles"])):
        detail = f"{body.username} does not have: {', '.join(beyond)}."
        raise Problem(422, "invalid-request", "Beyond its owner", detail, errors=(FieldError("/roles", detail),))
    row, key = await parts.people.add_key(
        name=body.name, username=body.username, roles=body.roles, tenants=body.tenants,
        lasts=timedelta(days=body.expires_in_days), environment=parts.settings.key_environment, by=who.administrator,
        request=again,
    )  # fmt: skip
    return ApiKeyCreated(**_key(row), api_key=key)


@router.post("/api-keys/{key_id}/revoke", dependencies=[ADMIN])
async def revoke_api_key(key_id: PathPart, who: Known, parts: Using, again: Again) -> ApiKey:
    """Take a key back: it is refused from now on. Doing it twice changes nothing."""
    return ApiKey(**_key(await parts.people.revoke_key(key_id, by=who.administrator, request=again)))


@router.post("/token", dependencies=[ANYBODY])
async def token(body: TokenRequest, who: Known, parts: Using) -> Token:
    """Exchange a session or an API key for a five-minute token for one service.

    The log at large is not for those who answer, so a token for it does not carry the roles of the desk.
    """
    bearer = who.bearer
    if body.audience == "audit" and who.may_answer:
        bearer = replace(bearer, roles=bearer.roles & WHOLE_LOG)
    signed = parts.signer.sign(bearer, audience=body.audience, now=parts.clock())
    return Token(access_token=signed, token_type="Bearer", expires_in=int(LIFETIME.total_seconds()))  # noqa: S106 - a kind, not a secret


@router.get("/jwks", dependencies=[public])
async def jwks(parts: Using) -> JsonWebKeys:
    """Return the public keys that tokens are signed with."""
    return JsonWebKeys.model_validate(parts.signer.public())


async def _attempt(parts: Parts, body: SessionRequest, who: tuple[str, ...]) -> Mapping[str, Any]:
    if wait := parts.attempts.wait_seconds(who, parts.clock()):
        raise Problem(
            429, "too-many-attempts", "Too many attempts", f"Try again in {wait} s.", headers={"Retry-After": str(wait)}
        )
    user = await (_by_link(parts, body) if body.login_token else _by_password(parts, body))
    if user is None:
        parts.attempts.failed(who, parts.clock())
        raise unauthenticated(_BY_LINK if body.login_token else _BY_NAME)
    parts.attempts.succeeded(who)
    return user


async def _by_password(parts: Parts, body: SessionRequest) -> Mapping[str, Any] | None:
    if not passwords_allowed(parts.settings):
        raise no_local_users()
    username, password = body.username or "", body.password.get_secret_value() if body.password else ""
    user = await parts.people.find(username)
    if await parts.passwords.matches(user["password_hash"] if user else None, password):
        return user
    if user is not None:
        await parts.people.note_failed_sign_in(username)
    return None


async def _by_link(parts: Parts, body: SessionRequest) -> Mapping[str, Any] | None:
    username = await parts.people.use_link(body.login_token.get_secret_value() if body.login_token else "")
    return await parts.people.find(username) if username else None


def _same_origin(request: Request) -> None:
    # SameSite does not cover signing in: a foreign page could sign the browser in as somebody else.
    origin = request.headers.get("origin")
    if origin is not None and origin.partition("://")[2] != request.headers.get("host"):
        raise Problem(403, "csrf", "The request did not come from the console", f"Origin {origin} is not this site.")


def _set_cookie(response: Response, settings: Settings, token: str, seconds: int) -> None:
    response.set_cookie(
        cookie_name(settings),
        token,
        max_age=seconds,
        path="/",
        httponly=True,
        samesite="strict",
        secure=settings.cookie_secure,
    )


def _me(who: Identity) -> Me:
    return Me.model_validate({
        **user_fields(who.user), "roles": sorted(who.roles), "tenants": sorted(who.tenants),
        "undo_seconds": who.user["undo_seconds"],
        "csrf_token": who.csrf_token, "session_expires_at": who.expires_at,
    })  # fmt: skip


def _key(row: Mapping[str, Any]) -> dict[str, Any]:
    names = ("key_id", "name", "username", "roles", "tenants", "created_at", "expires_at", "revoked_at", "last_used_at")
    return {name: row[name] for name in names}


def _seen_by(who: Identity, row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **_key(row), "tenants": sorted(narrowed(frozenset(row["tenants"]), who.tenants)),
        "beyond_you": not who.administrator.looks_after(key_reach(row)),
    }  # fmt: skip

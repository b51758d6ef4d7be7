"""Who is calling, and may they: every route states its roles."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import httpx
from fastapi import Depends, Request
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from countersign_shared.clock import Clock, system_clock
from countersign_shared.errors import ConfigurationError
from countersign_shared.http.problems import Problem
from countersign_shared.tls import roots

ROLES = frozenset({
    "reviewer", "lead", "admin", "auditor", "policy_author", "policy_approver", "operator", "submitter", "analyst",
})  # fmt: skip
ISSUER = "countersign-review"
LEEWAY_SECONDS = 5
JWKS_SECONDS = 300.0
"""How long fetched keys are trusted; a token signed by an unknown key fetches them at once, but see below."""
REFETCH_SECONDS = 5.0
"""Least time between two fetches, so that forged tokens cannot make us hammer review."""


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated caller; ``subject`` is the pseudonym that may enter records, ``*`` stands for every tenant.

    ``forwarded``: they came through review, which looks at what they are told. ``own_roles`` are those they hold, where
    review lent them others for one reading; they open nothing, and records name them.
    """

    subject: str
    username: str
    roles: frozenset[str]
    tenants: frozenset[str]
    forwarded: bool = False
    own_roles: frozenset[str] = frozenset()

    @property
    def may_answer(self) -> bool:
        """Whether they might have to answer a case unseen, and so must not be told what the machine said of it."""
        return bool(self.roles & {"reviewer", "lead"})

    def sees(self, tenant: str) -> bool:
        """Tell whether this caller may see a tenant's cases."""
        return "*" in self.tenants or tenant in self.tenants


Authenticate = Callable[[Request], Awaitable[Principal]]
"""Finds out who is calling, or raises a 401 ``Problem``."""


def unauthenticated(detail: str) -> Problem:
    """Return the 401 that says how to authenticate."""
    return Problem(
        401, "unauthenticated", "Who are you?", detail, headers={"WWW-Authenticate": 'Bearer realm="countersign"'}
    )


def require(*roles: str) -> Any:
    """Return a dependency that lets only these roles in and gives the ``Principal``.

    Unknown roles are a ``ValueError``.
    """
    wanted = frozenset(roles)
    if not wanted or not wanted <= ROLES:
        raise ValueError(f"unknown roles {sorted(wanted - ROLES)}")

    async def guard(request: Request) -> Principal:
        authenticate: Authenticate = request.app.state.authenticate
        principal = await authenticate(request)
        if not wanted & principal.roles:
            needed = ", ".join(sorted(wanted))
            raise Problem(403, "forbidden", "Not for your role", f"This needs one of: {needed}.")
        request.state.principal = principal
        return principal

    guard.roles = wanted  # type: ignore[attr-defined]
    return Depends(guard)


async def _open_to_all() -> None:
    """Mark a route that needs no caller."""


_open_to_all.roles = frozenset({"public"})  # type: ignore[attr-defined]
public = Depends(_open_to_all)
"""The dependency that says a route is open on purpose."""


class TokenVerifier:
    """Accepts the five-minute Ed25519 tokens that review signs for one audience."""

    def __init__(self, audience: str, jwks_url: str | None, clock: Clock = system_clock) -> None:
        self._audience = audience
        self._clock = clock
        self._jwks_url = jwks_url
        self._keys: KeySet | None = None
        self._fetched = float("-inf")
        self._fetching: asyncio.Task[str] | None = None

    async def __call__(self, request: Request) -> Principal:
        """Authenticate a request by its bearer token."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise unauthenticated("Send `Authorization: Bearer TOKEN`; review's POST /api/review/v1/token gives one.")
        return self._principal(await self._claims(token))

    async def _claims(self, token: str) -> dict[str, Any]:
        for fresh in (False, True):
            keys = await self._current_keys(fresh=fresh)
            try:
                decoded = jwt.decode(token, keys, algorithms=["Ed25519", "EdDSA"])
            except (JoseError, ValueError) as error:
                if fresh:
                    raise unauthenticated(f"The token is not valid: {error}") from error
                continue
            return decoded.claims
        raise unauthenticated("The token is not valid.")

    async def _current_keys(self, *, fresh: bool) -> KeySet:
        if self._jwks_url is None:
            raise unauthenticated("This service has no JWKS_URL, so it can verify nobody.")
        age = time.monotonic() - self._fetched
        # A token whose key is at hand waits for nobody: those that ask for other keys may be forged.
        if self._keys is None or age > JWKS_SECONDS or (fresh and age > REFETCH_SECONDS):
            # One fetch at a time, for everybody who waits; who goes away does not end it.
            if self._fetching is None or self._fetching.done():
                self._fetching = asyncio.create_task(self._fetch(self._jwks_url))
            fault = await asyncio.shield(self._fetching)
            if self._keys is None:
                raise Problem(
                    503, "keys-unavailable", "Cannot verify callers now", f"{self._jwks_url}: {fault}",
                    headers={"Retry-After": "5"},
                )  # fmt: skip
        return self._keys

    async def _fetch(self, url: str) -> str:
        """Fetch the keys; returns what went wrong. Those that are at hand then stay in use."""
        fault = ""
        try:
            # No proxy from the environment stands between the services: these keys say whom to believe.
            async with httpx.AsyncClient(timeout=5.0, trust_env=False, verify=roots()) as client:
                answer = await client.get(url)
                answer.raise_for_status()
                self._keys = KeySet.import_key_set(answer.json())
        except (ConfigurationError, httpx.HTTPError, ValueError, JoseError) as error:
            fault = repr(error)
        self._fetched = time.monotonic()
        return fault

    def _principal(self, claims: dict[str, Any]) -> Principal:
        audience = claims.get("aud")
        audiences = audience if isinstance(audience, list) else [audience]
        expires = claims.get("exp")
        if claims.get("iss") != ISSUER or self._audience not in audiences:
            raise unauthenticated(f"The token is not for {self._audience}.")
        if not isinstance(expires, int | float) or expires + LEEWAY_SECONDS < self._clock().timestamp():
            raise unauthenticated("The token has expired; get a new one.")
        return Principal(
            subject=str(claims["sub"]), username=str(claims.get("name", "")),
            roles=frozenset(claims.get("roles", ())) & ROLES, tenants=frozenset(claims.get("tenants", ())),
            forwarded=claims.get("forwarded") is True, own_roles=frozenset(claims.get("own_roles", ())) & ROLES,
        )  # fmt: skip

"""Users, sessions and keys: who somebody is, and what they may do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import asyncpg
import orjson

from countersign_review.domain.administration import Administrator, narrowed
from countersign_review.domain.eligibility import TIERS, Amount, Profile, tier_rank
from countersign_review.domain.refusals import BeyondYou, NotFound, SecretTold, StaleVersion
from countersign_review.store.events import ACTIVITIES, SOURCE, SQL, Connection, Journal
from countersign_review.store.gathering import Gathering
from countersign_review.store.key_holders import MOST_TOGETHER, KeyHolder, KeyHolders
from countersign_review.store.passwords import new_name, new_password, new_secret, secret_digest
from countersign_review.store.requests import Identified, Requests
from countersign_shared.clock import Clock, rfc3339
from countersign_shared.ids import DEFAULT_TENANT, derived_event_id
from countersign_shared.messaging import write_event
from countersign_shared.postgres import Queries

SEEN_EVERY = timedelta(minutes=1)
"""How exactly the last use of a session is known: a write a minute, not one a request."""


@dataclass(frozen=True, slots=True)
class Authority:
    """What a reviewer may decide; None means no limit."""

    decision_types: Sequence[str] | None = None
    max_tier: str = "medium"
    amount_limit: Amount | None = None
    skills: Sequence[str] = ()
    languages: Sequence[str] | None = None
    training_valid_until: date | None = None
    delegates: Sequence[str] | None = None

    def columns(self) -> tuple[Any, ...]:
        """Return it as the columns of a user, in their order."""
        limit = self.amount_limit
        return (
            _listed(self.decision_types), tier_rank(self.max_tier), limit.value if limit else None,
            limit.currency if limit else None, sorted(set(self.skills)), _listed(self.languages),
            self.training_valid_until, _listed(self.delegates),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Change:
    """What an administrator sets of a user, in place of what was there at ``version``."""

    display_name: str
    roles: Sequence[str]
    tenants: Sequence[str]
    authority: Authority
    version: int


@dataclass(frozen=True, slots=True)
class Session:
    """A signed-in person: the row of their user, the token that writes must carry, and when it ends."""

    user: Mapping[str, Any]
    csrf_token: str
    expires_at: datetime


class People:
    """Users and what proves that somebody is one. Every change is on the record."""

    def __init__(
        self, pool: asyncpg.Pool, journal: Journal, *, clock: Clock, idle_after: timedelta = timedelta(hours=1)
    ) -> None:
        self._pool = pool
        self._journal = journal
        self._clock = clock
        self._idle_after = idle_after
        self._requests = Requests()
        self._queries = Queries.load(SQL / "people.sql")
        # Who calls is asked anew at every request, so that what an administrator changes counts at once; requests that
        # come in the same moment ask together.
        self._sessions: Gathering[str, Any] = Gathering(self._sessions_of, most=MOST_TOGETHER, side_by_side=1)
        self._key_holders = KeyHolders(pool, clock=clock)

    async def add(
        self, username: str, *, display_name: str, roles: Sequence[str], tenants: Sequence[str], authority: Authority,
        password_hash: str | None, by: Administrator, request: Identified | None = None,
    ) -> Mapping[str, Any] | None:  # fmt: skip
        """Add a user; None when the name is taken."""
        async with self._pool.acquire() as connection, connection.transaction():
            if await self._again(connection, by, request):
                raise SecretTold(f"{username} was added by the same request before; reset their password for another.")
            _, by = await self._locked(connection, username, by)
            by.check_grant(tenants)
            row = await connection.fetchrow(
                self._queries.insert_user, username, new_name("u_"), display_name, password_hash,
                sorted(set(roles)), sorted(set(tenants)), *authority.columns(), self._clock(),
            )  # fmt: skip
            if row is None:
                return None
            await self.tell(
                connection, username, "user.added", by.actor, roles=sorted(set(roles)), tenants=sorted(set(tenants))
            )
        self._journal.hurry()
        return dict(row)

    async def page(self, tenants: Sequence[str], *, after: str, limit: int) -> list[Mapping[str, Any]]:
        """Return users who share one of these tenants, by name, disabled ones too."""
        rows = await self._pool.fetch(self._queries.page_of_users, list(tenants), after, limit)
        return [dict(row) for row in rows]

    async def colleagues(self, tenants: Sequence[str], *, limit: int) -> list[Any]:
        """Return the people at the desk of these tenants, and who stands in for those who are away."""
        rows: list[Any] = await self._pool.fetch(self._queries.colleagues, list(tenants), self._clock(), limit)
        return rows

    async def names(self, tenants: Sequence[str], pseudonyms: Sequence[str]) -> list[Any]:
        """Return what these people of these tenants are called, those who have left too; nobody's name for others."""
        rows: list[Any] = await self._pool.fetch(self._queries.names_of, list(tenants), list(pseudonyms))
        return rows

    async def change(
        self, connection: Connection, username: str, change: Change, *, by: Administrator,
        request: Identified | None = None,
    ) -> Mapping[str, Any]:  # fmt: skip
        """Set a user's roles, tenants and authority, in the caller's transaction; the same request does it once."""
        again = await self._again(connection, by, request)
        user, by = await self._looked_after(connection, username, by)
        by.check_grant(change.tenants)
        if again:
            return user
        if user["version"] != change.version:
            raise StaleVersion(
                f"{username} is at version {user['version']}, not {change.version}: somebody changed them since.",
                version=user["version"],
            )  # fmt: skip
        roles, tenants = sorted(set(change.roles)), sorted(set(change.tenants))
        row = await connection.fetchrow(
            self._queries.change_user, username, change.display_name, roles, tenants, *change.authority.columns()
        )
        reason = _changed(user, dict(row))
        await self.tell(connection, username, "user.changed", by.actor, roles=roles, tenants=tenants, reason=reason)
        return dict(row)

    async def enable(self, username: str, *, by: Administrator, request: Identified | None = None) -> Mapping[str, Any]:
        """Let a disabled user in again, with the roles they had; keys and links stay gone."""
        async with self._pool.acquire() as connection, connection.transaction():
            again = await self._again(connection, by, request)
            user, by = await self._looked_after(connection, username, by)
            if again or user["disabled_at"] is None:
                return user
            row = await connection.fetchrow(self._queries.enable_user, username)
            await self.tell(
                connection, username, "user.enabled", by.actor, roles=user["roles"], tenants=user["tenants"]
            )
        self._journal.hurry()
        return dict(row or {})

    async def set_password(
        self, username: str, password_hash: str, *, by: Administrator, request: Identified | None = None
    ) -> Mapping[str, Any]:
        """Give a user another password; their sessions and links end."""
        async with self._pool.acquire() as connection, connection.transaction():
            if await self._again(connection, by, request):
                raise SecretTold("The same request gave them another password before; send a new one for one more.")
            await self._looked_after(connection, username, by)
            row = await connection.fetchrow(self._queries.set_password, username, password_hash)
            await self.tell(connection, username, "user.changed", by.actor, reason="password")
        self._journal.hurry()
        return dict(row or {})

    async def find(self, username: str) -> Mapping[str, Any] | None:
        """Return a user who is not disabled."""
        row = await self._pool.fetchrow(self._queries.user, username)
        return dict(row) if row else None

    async def find_pseudonym(self, pseudonym: str) -> Mapping[str, Any] | None:
        """Return a user who is not disabled, by the name records know them by."""
        row = await self._pool.fetchrow(self._queries.user_by_pseudonym, pseudonym)
        return dict(row) if row else None

    async def disable(
        self, connection: Connection, username: str, *, by: Administrator, request: Identified | None = None
    ) -> Mapping[str, Any]:
        """End a user's sessions, links and keys at once, in the caller's transaction."""
        again = await self._again(connection, by, request)
        user, by = await self._looked_after(connection, username, by)
        if user["disabled_at"] is not None or again:
            return user
        row = await connection.fetchrow(self._queries.disable_user, username, self._clock())
        await self.tell(connection, username, "user.disabled", by.actor)
        return dict(row or {})

    async def open_session(self, user: Mapping[str, Any], *, lasts: timedelta, replaces: str | None) -> str | None:
        """Start a session under a fresh token, whatever token the browser came with; returns the token.

        None when the user, as read before they proved who they are, was disabled or given another password since.
        """
        username = user["username"]
        token, now = new_secret(), self._clock()
        async with self._pool.acquire() as connection, connection.transaction():
            if replaces is not None:
                await connection.execute(self._queries.delete_session, secret_digest(replaces))
            opened = await connection.fetchval(
                self._queries.insert_session, secret_digest(token), username, new_secret(), now, now + lasts,
                user["password_hash"],
            )  # fmt: skip
            if opened is None:
                return None
            await self.tell(connection, username, "user.signed_in", None)
        self._journal.hurry()
        return token

    async def session(self, token: str, *, used: bool = True) -> Session | None:
        """Return the session of a cookie, None when it is over or idle; ``used`` starts the idle time anew."""
        now, digest = self._clock(), secret_digest(token)
        row = await self._sessions.ask(digest)
        if row is None:
            return None
        if used and now - row["last_seen_at"] >= SEEN_EVERY:
            await self._pool.execute(self._queries.touch_session, digest, now)
        return Session(dict(row), row["csrf_token"], row["expires_at"])

    async def _sessions_of(self, digests: Sequence[str]) -> Sequence[Any]:
        now = self._clock()
        rows = await self._pool.fetch(self._queries.sessions, list(digests), now, now - self._idle_after)
        found = {row["token_sha256"]: row for row in rows}
        return [found.get(digest) for digest in digests]

    async def close_session(self, token: str) -> None:
        """End a session."""
        async with self._pool.acquire() as connection, connection.transaction():
            username = await connection.fetchval(self._queries.delete_session, secret_digest(token))
            if username is not None:
                await self.tell(connection, username, "user.signed_out", None)
        self._journal.hurry()

    async def note_failed_sign_in(self, username: str) -> None:
        """Put a wrong password on the record; names that are nobody's are not."""
        async with self._pool.acquire() as connection, connection.transaction():
            await self.tell(connection, username, "user.sign_in_failed", None)
        self._journal.hurry()

    async def forget_old_sessions(self) -> None:
        """Delete sessions and links that have ended."""
        now = self._clock()
        await self._pool.execute(self._queries.delete_old_sessions, now, now - self._idle_after)

    async def new_link(self, username: str, *, lasts: timedelta) -> str:
        """Return a token that signs its user in once."""
        token = new_secret()
        await self._pool.execute(self._queries.insert_login_link, secret_digest(token), username, self._clock() + lasts)
        return token

    async def use_link(self, token: str) -> str | None:
        """Return whose link it was; it works no second time."""
        username: str | None = await self._pool.fetchval(
            self._queries.use_login_link, secret_digest(token), self._clock()
        )
        return username

    async def add_key(
        self, *, name: str, username: str, roles: Sequence[str], tenants: Sequence[str], lasts: timedelta,
        environment: str, by: Administrator, request: Identified | None = None,
    ) -> tuple[Mapping[str, Any], str]:  # fmt: skip
        """Make a key for a user; returns its row and the key itself, which is kept nowhere.

        It reaches no further than whoever makes it, whatever tenants its owner is given later.
        """
        key_id, secret, now = new_name(""), new_secret().replace("_", "-"), self._clock()
        async with self._pool.acquire() as connection, connection.transaction():
            if await self._again(connection, by, request):
                raise SecretTold("The same request made a key before; revoke that one and ask for another.")
            _, by = await self._looked_after(connection, username, by)
            reach = narrowed(frozenset(tenants), by.tenants) if "*" in tenants else frozenset(tenants)
            by.check_grant(reach)
            row = await connection.fetchrow(
                self._queries.insert_api_key, key_id, name, username, secret_digest(secret), sorted(set(roles)),
                sorted(reach), now, now + lasts,
            )  # fmt: skip
            await self.tell(connection, username, "user.key_created", by.actor, api_key_id=key_id)
        self._journal.hurry()
        return dict(row or {}), f"cs_{environment}_{key_id}_{secret}"

    async def revoke_key(
        self, key_id: str, *, by: Administrator, request: Identified | None = None
    ) -> Mapping[str, Any]:
        """Take a key back; doing it twice changes nothing."""
        async with self._pool.acquire() as connection, connection.transaction():
            await self._again(connection, by, request)
            owner = await connection.fetchval(self._queries.owner_of_key, key_id)
            _, by = await self._locked(connection, owner, by)
            key = await connection.fetchrow(self._queries.lock_api_key, key_id)
            reach = key_reach(dict(key)) if key else frozenset()
            if key is None or not narrowed(reach, by.tenants):
                raise NotFound("There is no such key.")
            if not by.looks_after(reach):
                raise BeyondYou("The key also reaches tenants that you do not look after.")
            row = await connection.fetchrow(self._queries.revoke_api_key, key_id, self._clock())
            if key["revoked_at"] is None:
                await self.tell(connection, key["username"], "user.key_revoked", by.actor, api_key_id=key_id)
        self._journal.hurry()
        return dict(row or {})

    async def keys(self, tenants: frozenset[str]) -> list[Mapping[str, Any]]:
        """Return the keys that reach one of these tenants, without secrets."""
        keys = [dict(row) for row in await self._pool.fetch(self._queries.list_api_keys)]
        return [key for key in keys if narrowed(key_reach(key), tenants)]

    async def key_holder(self, key: str) -> KeyHolder | None:
        """Return who a key stands for, and note that it was used; None when it is wrong, expired or revoked."""
        return await self._key_holders.of(key)

    async def set_undo_seconds(self, username: str, seconds: int | None) -> Mapping[str, Any]:
        """Set how long somebody can undo at the least; None: as the policy says. Theirs alone, so on no record."""
        row = await self._pool.fetchrow(self._queries.set_undo_seconds, username, seconds)
        if row is None:
            raise NotFound("You have no account here any more.")
        return dict(row)

    async def _looked_after(
        self, connection: Connection, username: str, by: Administrator
    ) -> tuple[Mapping[str, Any], Administrator]:
        """Lock a user, disabled or not, whom this administrator looks after; returns both as they are now."""
        user, by = await self._locked(connection, username, by)
        if user is None:
            raise NotFound("There is no such user.")
        by.check(user)
        return user, by

    async def _locked(
        self, connection: Connection, username: str | None, by: Administrator
    ) -> tuple[Mapping[str, Any] | None, Administrator]:
        """Lock a user, and whoever does something about them: somebody may have taken their role in the meantime."""
        rows = await connection.fetch(self._queries.lock_user_and_administrator, username, by.actor["pseudonym"])
        users = {row["username"]: dict(row) for row in rows}
        own = next((user for user in users.values() if user["pseudonym"] == by.actor["pseudonym"]), None)
        return users.get(username or ""), by.now(own)

    async def _again(self, connection: Connection, by: Administrator, request: Identified | None) -> bool:
        """Tell whether this very request was carried out before, in the caller's transaction."""
        return not await self._requests.first(connection, by.actor["pseudonym"], request, self._clock())

    async def tell(
        self, connection: Connection, username: str, kind: str, by: Mapping[str, Any] | None, **fact: Any
    ) -> None:
        """Put something about a user on the record, in the caller's transaction; ``by`` None is the user themselves."""
        row = await connection.fetchrow(self._queries.take_user_number, username)
        if row is None:
            return
        pseudonym, now = row["pseudonym"], self._clock()
        event_id = derived_event_id(DEFAULT_TENANT, pseudonym, kind, row["sequence"])
        body = {
            "tenant": DEFAULT_TENANT, "case_id": None, "entity_id": pseudonym, "sequence": row["sequence"],
            "kind": kind, "occurred_at": rfc3339(now),
            "actor": dict(by) if by else {"kind": "person", "pseudonym": pseudonym},
            "body": {"user": pseudonym, **fact},
        }  # fmt: skip
        message = write_event(
            ACTIVITIES, event_id=event_id, source=SOURCE, case_id=pseudonym, time=rfc3339(now),
            body=orjson.dumps(body), partition=None,
        )  # fmt: skip
        await self._journal.add(connection, message, event_id=event_id, at=now)


def profile_of(user: Mapping[str, Any], *, roles: frozenset[str], tenants: frozenset[str]) -> Profile:
    """Return a user's authority, narrowed to the roles and tenants they act with now."""
    types, languages, limit = user["decision_types"], user["languages"], user["amount_limit"]
    return Profile(
        username=user["username"], pseudonym=user["pseudonym"], roles=roles, tenants=tenants,
        decision_types=frozenset(types) if types is not None else None, max_tier=TIERS[user["max_tier_rank"]],
        amount_limit=Amount(Decimal(limit), user["currency"]) if limit is not None else None,
        skills=frozenset(user["skills"]), languages=frozenset(languages) if languages is not None else None,
        trained_until=user["training_valid_until"],
    )  # fmt: skip


def key_reach(key: Mapping[str, Any]) -> frozenset[str]:
    """Return the tenants that a key acts for: those it was made for, of those its owner has now."""
    return narrowed(frozenset(key["owner_tenants"]), frozenset(key["tenants"]))


def _changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    names = sorted(name for name in before if before[name] != after[name] and name not in {"version", "next_sequence"})
    return f"changed: {', '.join(names)}" if names else "nothing changed"


def _listed(values: Sequence[str] | None) -> list[str] | None:
    return sorted(set(values)) if values is not None else None


__all__ = ["Authority", "Change", "People", "Session", "new_password", "profile_of"]

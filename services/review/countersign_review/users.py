"""Users, keys and login links for whoever may write to the database: the first administrator, and scripts."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from countersign_review.domain.administration import ALL_TENANTS, Administrator
from countersign_review.store.events import Journal
from countersign_review.store.passwords import Passwords, new_password
from countersign_review.store.people import Authority, People
from countersign_shared.clock import Clock, system_clock
from countersign_shared.errors import ConfigurationError
from countersign_shared.messaging.outbox import Outbox
from countersign_shared.postgres import open_pool

SCHEMA = "review"
LINK_LASTS = timedelta(minutes=15)
KEY_LASTS = timedelta(days=90)
BY = Administrator({"kind": "service", "pseudonym": "countersign"}, ALL_TENANTS)
"""Whoever may write to the database; the operating system knows who that was."""


@dataclass(frozen=True, slots=True)
class NewUser:
    """A user who was just made; the password is shown this once."""

    username: str
    pseudonym: str
    password: str


class Accounts:
    """Makes accounts and what opens them; the service may be running meanwhile."""

    def __init__(self, people: People, passwords: Passwords) -> None:
        self.people = people
        self._passwords = passwords

    async def create_user(
        self,
        username: str,
        *,
        display_name: str,
        roles: Sequence[str],
        tenants: Sequence[str] = ("*",),
        authority: Authority | None = None,
    ) -> NewUser | None:
        """Make a local user with a fresh password; None when there is one of that name already."""
        password = new_password()
        row = await self.people.add(
            username,
            display_name=display_name,
            roles=roles,
            tenants=tenants,
            authority=authority or Authority(),
            password_hash=await self._passwords.hash(password),
            by=BY,
        )
        return NewUser(username, row["pseudonym"], password) if row else None

    async def create_key(
        self,
        username: str,
        *,
        name: str,
        roles: Sequence[str],
        tenants: Sequence[str] = ("*",),
        environment: str = "local",
        lasts: timedelta = KEY_LASTS,
    ) -> str:
        """Make an API key that acts as a user; the key is returned this once."""
        await self._existing(username)
        _, key = await self.people.add_key(
            name=name, username=username, roles=roles, tenants=tenants, lasts=lasts, environment=environment, by=BY
        )
        return key

    async def create_login_link(self, username: str, base_url: str, *, lasts: timedelta = LINK_LASTS) -> str:
        """Return a URL that signs a user in once."""
        await self._existing(username)
        return login_url(base_url, await self.people.new_link(username, lasts=lasts))

    async def _existing(self, username: str) -> None:
        if await self.people.find(username) is None:
            raise ConfigurationError(f"there is no user {username!r}, or they are disabled")


def login_url(base_url: str, token: str) -> str:
    """Return the console's address that signs in with a token; the page removes it from the address at once."""
    return f"{base_url.rstrip('/')}/login?token={token}"


@asynccontextmanager
async def open_accounts(database_url: str, *, clock: Clock = system_clock) -> AsyncIterator[Accounts]:
    """Open the accounts of a database whose migrations have run (the service runs them when it starts)."""
    async with open_pool(database_url, schema=SCHEMA, size=2, create_schema=False) as pool:
        yield Accounts(People(pool, Journal(Outbox()), clock=clock), Passwords())

"""The first users of a local system: a person who signs in by a link, and the command line with its key."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from countersign_local.state import keep_secret, kept_secret
from countersign_review.domain.administration import ALL_TENANTS, Administrator
from countersign_review.store.events import Journal
from countersign_review.store.people import Authority, People
from countersign_shared.clock import Clock
from countersign_shared.messaging.outbox import Outbox
from countersign_shared.postgres import open_pool

_SCHEMA = "review"
_ACTOR = Administrator({"kind": "service", "pseudonym": "countersign-demo"}, ALL_TENANTS)
_KEY_FILE = "api-key"
_KEY_LASTS = timedelta(days=90)
_LINK_LASTS = timedelta(hours=12)
_ENVIRONMENT = "local"
_SKILLS = ("wellbeing",)
"""What the policy for posts asks of whoever reads them."""
DESK_ROLES = ("reviewer", "lead")
OFFICE_ROLES = ("admin", "auditor", "policy_author", "policy_approver", "operator", "submitter", "analyst")


@dataclass(frozen=True, slots=True)
class Access:
    """How people and programs get in: an address, keys and one-time links."""

    url: str
    api_key: str
    people: People

    async def link(self, username: str, *, display_name: str, roles: Sequence[str]) -> str:
        """Return an address that signs this person in once, making the user when missing."""
        await _ensure_user(self.people, username, display_name, roles)
        token = await self.token(username)
        return f"{self.url}/login?token={token}"

    async def token(self, username: str) -> str:
        """Return a one-time token that signs an existing user in."""
        return await self.people.new_link(username, lasts=_LINK_LASTS)


@asynccontextmanager
async def open_access(database_url: str, url: str, directory: Path, clock: Clock) -> AsyncIterator[Access]:
    """Give access to the running review service at `url`; its schema is there already."""
    async with open_pool(database_url, schema=_SCHEMA, size=2, create_schema=False) as pool:
        people = People(pool, Journal(Outbox()), clock=clock)
        yield Access(url, await _command_line_key(people, directory / _KEY_FILE), people)


async def _command_line_key(people: People, kept: Path) -> str:
    """Return the key that earlier starts used while it is good: what it submitted stays from the same source."""
    earlier = kept_secret(kept)
    if earlier is not None and await people.key_holder(earlier) is not None:
        return earlier
    await _ensure_user(people, "command-line", "The command line", OFFICE_ROLES)
    _, key = await people.add_key(
        name="countersign demo", username="command-line", roles=OFFICE_ROLES, tenants=["*"], lasts=_KEY_LASTS,
        environment=_ENVIRONMENT, by=_ACTOR,
    )  # fmt: skip
    keep_secret(kept, key)
    return key


async def _ensure_user(people: People, username: str, display_name: str, roles: Sequence[str]) -> None:
    if await people.find(username) is None:
        await people.add(
            username, display_name=display_name, roles=roles, tenants=["*"],
            authority=Authority(max_tier="critical", skills=_SKILLS), password_hash=None, by=_ACTOR,
        )  # fmt: skip

"""Programs that come with a key: whom it stands for, and when it was last used."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import asyncpg

from countersign_review.domain.administration import narrowed
from countersign_review.store.events import SQL
from countersign_review.store.gathering import Gathering
from countersign_review.store.passwords import same_digest, secret_digest
from countersign_shared.clock import Clock
from countersign_shared.postgres import Queries

KEY_PARTS = 4
MOST_TOGETHER = 100
"""Callers asked about in one question."""
USED_EVERY = timedelta(minutes=5)
"""How exactly the last use of a key is known: programs call all day, and none is missed for being quiet for minutes."""


@dataclass(frozen=True, slots=True)
class KeyHolder:
    """A program that came with a key: its owner, narrowed to what the key may do."""

    user: Mapping[str, Any]
    roles: frozenset[str]
    tenants: frozenset[str]


class KeyHolders:
    """Whom keys stand for, asked anew at every request, so that what an administrator changes counts at once.

    Requests that come in the same moment ask together.
    """

    def __init__(self, pool: asyncpg.Pool, *, clock: Clock) -> None:
        self._pool = pool
        self._clock = clock
        self._queries = Queries.load(SQL / "people.sql")
        self._rows: Gathering[str, Any] = Gathering(self._rows_of, most=MOST_TOGETHER, side_by_side=1)

    async def of(self, key: str) -> KeyHolder | None:
        """Return who a key stands for, and note that it was used; None when it is wrong, expired or revoked."""
        parts = key.split("_", KEY_PARTS - 1)
        if len(parts) != KEY_PARTS or parts[0] != "cs":
            return None
        row = await self._rows.ask(parts[2])
        if row is None or not same_digest(row["secret_sha256"], secret_digest(parts[3])):
            return None
        now = self._clock()
        if row["last_used_at"] is None or now - row["last_used_at"] >= USED_EVERY:
            await self._pool.execute(self._queries.touch_api_key, row["key_id"], now, now - USED_EVERY)
        return KeyHolder(
            dict(row), frozenset(row["key_roles"]) & frozenset(row["roles"]),
            narrowed(frozenset(row["tenants"]), frozenset(row["key_tenants"])),
        )  # fmt: skip

    async def _rows_of(self, key_ids: Sequence[str]) -> Sequence[Any]:
        rows = await self._pool.fetch(self._queries.keys_in_use, list(key_ids), self._clock())
        found = {row["key_id"]: row for row in rows}
        return [found.get(key_id) for key_id in key_ids]

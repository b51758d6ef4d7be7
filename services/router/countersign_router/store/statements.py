"""The named SQL statements, and the two ways to run them: by itself, or within a change."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import asyncpg

from countersign_shared.messaging.outbox import Outbox
from countersign_shared.messaging.records import Message
from countersign_shared.postgres import Queries

SQL = Path(__file__).parent.parent / "sql"
SCHEMA = "router"


@dataclass(frozen=True, slots=True)
class Statements:
    """The statements of each file in ``sql/``."""

    queries: Queries
    controls: Queries
    policies: Queries
    releases: Queries
    drafts: Queries
    people: Queries
    judgements: Queries

    @classmethod
    def load(cls) -> "Statements":
        """Read every file."""
        return cls(*(Queries.load(SQL / f"{name}.sql") for name in cls.__slots__))


class Reads:
    """Statements that need no transaction."""

    def __init__(self, pool: asyncpg.Pool, sql: Statements) -> None:
        self._pool = pool
        self._sql = sql


class Writes:
    """Statements inside one transaction, and the outbox rows that commit with them."""

    def __init__(self, connection: Any, sql: Statements, outbox: Outbox) -> None:
        self._connection = connection
        self._sql = sql
        self._outbox = outbox

    async def moment(self) -> datetime:
        """Return the database's time."""
        moment: datetime = await self._connection.fetchval(self._sql.controls.database_time)
        return moment

    async def announce(self, message: Message, event_id: str, moment: datetime) -> None:
        """Put an event into the outbox, to leave at once."""
        await self._outbox.add(self._connection, message, event_id=event_id, not_before=moment)

    @asynccontextmanager
    async def attempt(self) -> AsyncIterator[None]:
        """Open a part of this transaction that is taken back alone when it raises."""
        async with self._connection.transaction():
            yield

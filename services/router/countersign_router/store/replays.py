"""What a replay reads: a snapshot of everything, on a connection that the hot path does not miss."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from countersign_router.replaying.history import PastControl
from countersign_router.store.statements import SCHEMA, SQL
from countersign_shared.errors import TransientError
from countersign_shared.observability.faults import told
from countersign_shared.postgres import FAULTS, Queries, open_pool

FIRST_WINDOW = timedelta(hours=1)
WIDENING = 4
"""Newest first, and each further look back four times as far: counts what is needed a third more often at most."""
LONGEST_THOUGHT = timedelta(minutes=15)
"""Between two readings: until workers have done a part on a busy machine, or somebody reads on how far it is. A replay
that nobody waits for any longer is to hold back no tidying up of the database."""
MOST_JUDGEMENTS = 100_000
"""Every process of a replay holds them all."""
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
FIRST_TENANT = ""
"""Sorts before every tenant and every case id."""


class Population(NamedTuple):
    """Cases of a decision type: of these tenants (None: of all), without these."""

    decision_type: str
    tenants: list[str] | None
    without: list[str]


class Place(NamedTuple):
    """Where in the order of arrival a replay begins."""

    routed_at: datetime
    tenant: str = FIRST_TENANT
    case_id: str = ""


class Published(NamedTuple):
    """A published version as stored."""

    sha256: str
    document: bytes
    published_at: datetime


class Snapshot:
    """One moment of the router's schema; nothing that is read through it changes any more."""

    def __init__(self, connection: Any, sql: Queries) -> None:
        self._connection = connection
        self._sql = sql

    async def published(self, decision_type: str) -> list[Published]:
        """Return every version that can have routed cases of a type."""
        rows = await self._connection.fetch(self._sql.policies_of_type, decision_type)
        return [Published(*row) for row in rows]

    async def tenants_with_a_policy(self, decision_type: str) -> list[str]:
        """Return the tenants that the default tenant's policy does not speak for."""
        return [row[0] for row in await self._connection.fetch(self._sql.tenants_with_a_policy, decision_type)]

    async def history(self, decision_type: str) -> list[PastControl]:
        """Return every state of the controls that concern a type, oldest first."""
        rows = await self._connection.fetch(self._sql.history_of_controls, decision_type)
        return [PastControl(row[0], (row[1], row[2], row[3], row[4]), row[5]) for row in rows]

    async def sampling_keys(self) -> dict[str, bytes]:
        """Return the keys of the draws that are kept here, by their id."""
        return {row["key_id"]: row["key"] for row in await self._connection.fetch(self._sql.sampling_keys)}

    async def judgements(self, decision_type: str) -> dict[tuple[str, str], bool]:
        """Return the newest judged cases of a type: (tenant, case id) to whether the machine had been wrong."""
        rows = await self._connection.fetch(self._sql.judgements_of_type, decision_type, MOST_JUDGEMENTS)
        return {(row[0], row[1]): row[2] for row in rows}

    async def place_of_newest(self, population: Population, count: int, now: datetime) -> Place:
        """Return where the newest ``count`` cases begin."""
        since, window = now - FIRST_WINDOW, FIRST_WINDOW
        oldest = await self._connection.fetchval(self._sql.oldest_case) or now
        while since > oldest and await self.count(population, Place(since)) < count:
            window *= WIDENING
            since = now - window
        row = await self._connection.fetchrow(self._sql.nth_newest_case, since, *population, count - 1)
        return Place(BEGINNING) if row is None else Place(row["routed_at"], row["tenant"], row["case_id"])

    async def count(self, population: Population, place: Place) -> int:
        """Count the cases from a place on."""
        found: int = await self._connection.fetchval(self._sql.count_cases, *_from(population, place))
        return found

    async def cases(
        self, population: Population, place: Place, size: int
    ) -> AsyncIterator[list[tuple[datetime, bytes]]]:
        """Give the cases from a place on, ``size`` at a time: when each was routed, and its packed body."""
        cursor = await self._connection.cursor(self._sql.stored_cases, *_from(population, place))
        while rows := await cursor.fetch(size):
            yield [(row[0], row[1]) for row in rows]


def _from(population: Population, place: Place) -> tuple[Any, ...]:
    return place.routed_at, *population, place.tenant, place.case_id


@asynccontextmanager
async def open_snapshot(database_url: str) -> AsyncIterator[Snapshot]:
    """Open a connection of its own and hold one moment of the database, only to read.

    ``TransientError`` when the database goes away meanwhile.
    """
    sql = Queries.load(SQL / "replays.sql")
    try:
        async with (
            open_pool(database_url, schema=SCHEMA, size=1, create_schema=False) as pool,
            pool.acquire() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            await connection.execute(sql.think_longer, str(LONGEST_THOUGHT // timedelta(milliseconds=1)))
            yield Snapshot(connection, sql)
    except FAULTS as error:
        raise TransientError(f"the database could not be read to the end ({told(error)}); replay again") from error

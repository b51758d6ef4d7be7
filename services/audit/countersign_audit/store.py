"""The only file that sees the database: rows in, rows out."""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import asyncpg

from countersign_audit.domain.tiles import WIDTH, FullTile, Tile
from countersign_audit.writing.copying import Copies
from countersign_shared.errors import AwayError, ConfigurationError, FatalError
from countersign_shared.postgres.away import FAULTS, LIBRARY_ERRORS, unusable
from countersign_shared.postgres.queries import Queries

SCHEMA = "audit"
SQL = Path(__file__).with_name("sql")
MIGRATIONS = SQL / "migrations"
QUERIES = SQL / "queries.sql"
LOCK_RETRY_SECONDS = 0.2
ENTRIES_AT_ONCE = 500
"""About 2 MB of the largest usual entries at once."""
STEPS_AT_ONCE = 100
COUNTED_AT_ONCE = 100_000
"""About 100 MB to read: long before a statement's time is up, also on a slow disk."""
CHECKPOINTS_AT_ONCE = 200
RECORD_INDEX = "records_pkey"
LOWEST = -(2**63)
"""Whoever tampers may have used indices below zero."""

ENTRY_COLUMNS = ("index", "leaf", "leaf_hash", "record_id", "case_ref", "tenant", "kind", "occurred_at", "actor")
RECORD_COLUMNS = ("record_id", "index")
PAYLOAD_COLUMNS = ("index", "key_number", "sealed")
KEY_COLUMNS = ("scope", "number", "subject", "epoch", "wrapped")

ScopeRow = tuple[bytes, int, int | None, bytes | None, int | None, bytes | None]
"""A case, its newest entry, and one of its wrapped data keys, if it still has any."""


@dataclass(frozen=True, slots=True)
class CheckpointRow:
    """A stored checkpoint; ``frontier`` is the packed right edge of the tree at that size."""

    size: int
    root: bytes
    note: bytes
    frontier: bytes
    signed_at: datetime


@dataclass(frozen=True, slots=True)
class Search:
    """What to look for: entries from index ``first`` on, who looked from there back; None means any.

    ``tenants`` are those who asks may see.
    """

    first: int
    limit: int
    tenants: frozenset[str] | None = None
    case_ref: bytes | None = None
    subject: bytes | None = None
    actor: str | None = None
    kind: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    access_only: bool = False


class SecondWriterError(FatalError):
    """Another writer put entries into this log: going on could bind one index to two leaves."""

    code = "second_writer"


class RepeatedRecordError(Exception):
    """The log holds a record of this batch already; nothing of the batch was written."""


class WriterSession:
    """The one database session that may append; it holds the log's advisory lock as long as it lives.

    Lock and writes share a session on purpose: whoever loses the one loses the other in the same moment.
    """

    def __init__(self, pool: asyncpg.Pool, wait_seconds: float) -> None:
        self._pool = pool
        self._wait_seconds = wait_seconds
        self._queries = Queries.load(QUERIES)
        self._connection: Any = None
        self._reader: Any = None

    async def connection(self) -> Any:
        """Return the session, anew after it was lost; another holder of the lock is an ``AwayError``."""
        if not _alive(self._connection):
            await self.abandon()
            self._connection = await self._pool.acquire()
            await self._lock()
        return self._connection

    async def reader(self) -> Any:
        """Return a session that reads what is committed, while the other one writes."""
        if not _alive(self._reader):
            await self._release_reader()
            self._reader = await self._pool.acquire()
            await self._reader.execute(self._queries.walk_indexes)
        return self._reader

    async def abandon(self) -> None:
        """Drop the sessions as they are, for when an error may have left it in any state; the lock goes with it."""
        for session in (self._connection, self._reader):
            if _alive(session):
                session.terminate()
        await self.close()

    async def close(self) -> None:
        """Give the sessions back; resetting the one that writes releases the lock."""
        await self._release_reader()
        if self._connection is not None:
            connection, self._connection = self._connection, None
            await self._give_back(connection)

    async def _release_reader(self) -> None:
        if self._reader is not None:
            reader, self._reader = self._reader, None
            await self._give_back(reader)

    async def _give_back(self, session: Any) -> None:
        """Return a session to the pool, without its lock and its settings."""
        if _alive(session):
            try:
                await session.reset()
            except FAULTS:
                session.terminate()
        await self._pool.release(session)

    async def _lock(self) -> None:
        deadline = asyncio.get_running_loop().time() + self._wait_seconds
        while not await self._connection.fetchval(self._queries.try_writer_lock):
            if asyncio.get_running_loop().time() >= deadline:
                await self.close()
                raise AwayError(
                    f"another audit service has been writing this log for {self._wait_seconds:g} s: run only one"
                )
            await asyncio.sleep(LOCK_RETRY_SECONDS)


class Store:
    """Reads and writes of the log; every method works inside the caller's transaction, if there is one."""

    def __init__(self) -> None:
        self._queries = Queries.load(QUERIES)

    async def latest_checkpoint(self, connection: Any) -> CheckpointRow | None:
        """Return the newest checkpoint, or None for an empty log."""
        row = await connection.fetchrow(self._queries.latest_checkpoint)
        return CheckpointRow(**row) if row is not None else None

    async def note(self, connection: Any, size: int) -> bytes | None:
        """Return the checkpoint that was signed over so many entries, if one was."""
        note: bytes | None = await connection.fetchval(self._queries.checkpoint_note, size)
        return note

    async def leaves_from(self, connection: Any, index: int) -> list[tuple[int, bytes, bytes]]:
        """Return (index, leaf, leaf hash) of every entry from ``index`` on."""
        return [tuple(row) for row in await connection.fetch(self._queries.leaves_from, index)]

    async def genesis(self, connection: Any) -> bytes | None:
        """Return the first leaf, or None for an empty log."""
        leaf: bytes | None = await connection.fetchval(self._queries.genesis)
        return leaf

    async def own_entries(self, connection: Any) -> list[tuple[int, bytes]]:
        """Return index and leaf of the entries that may be the log's own words about itself, in its order."""
        return [tuple(row) for row in await connection.fetch(self._queries.own_entries)]

    async def known_records(self, connection: Any, record_ids: Sequence[bytes]) -> dict[bytes, Mapping[str, Any]]:
        """Return the entries that already hold one of these records, with the keys of their payloads."""
        rows = await connection.fetch(self._queries.known_records, record_ids)
        return {row["record_id"]: row for row in rows}

    async def known_scopes(self, connection: Any, scopes: Sequence[bytes]) -> list[ScopeRow]:
        """Return what the log holds of these cases: one row a data key, in the order of their numbers."""
        rows: list[ScopeRow] = await connection.fetch(self._queries.known_scopes, scopes)
        return rows

    async def append(self, connection: Any, copies: Copies, tiles: Sequence[FullTile]) -> None:
        """Add entries with their payloads, new data keys and the tiles they fill up.

        A record that is there already is a ``RepeatedRecordError``, an index that is taken a ``SecondWriterError``.
        """
        try:
            # First, because a repeat is found here.
            await _copy(connection, "records", RECORD_COLUMNS, copies.records)
            await _copy(connection, "entries", ENTRY_COLUMNS, copies.entries)
            await _copy(connection, "data_keys", KEY_COLUMNS, copies.data_keys)
            await _copy(connection, "payloads", PAYLOAD_COLUMNS, copies.payloads)
            if tiles:
                await self.add_tiles(connection, tiles)
        except asyncpg.UniqueViolationError as error:
            if error.constraint_name == RECORD_INDEX:
                raise RepeatedRecordError(error.detail) from error
            raise SecondWriterError(f"somebody else writes this log: {error.detail}") from error

    async def make_room(self, connection: Any, until: int, width: int) -> int:
        """Make partitions for every index below ``until``, ``width`` wide; returns the first index without one."""
        beyond: int = await connection.fetchval(self._queries.make_room, until, width)
        return beyond

    async def add_tiles(self, connection: Any, tiles: Sequence[FullTile]) -> None:
        """Add tiles that have filled up."""
        await connection.execute(self._queries.add_tiles, *map(list, zip(*tiles, strict=True)))

    async def next_tile(self, connection: Any, level: int) -> int:
        """Return the number of the first tile of a level that is not there yet."""
        number: int = await connection.fetchval(self._queries.next_tile, level)
        return number

    async def has_tiles(self, connection: Any) -> bool:
        """Tell whether this log stores tiles at all; one from before does so from its next start on."""
        stored: bool = await connection.fetchval(self._queries.has_tiles_table)
        return stored and await self.next_tile(connection, 0) > 0

    async def stored_tile(self, connection: Any, tile: Tile) -> tuple[bytes, bytes] | None:
        """Return the hashes and the root of a full tile as they were stored."""
        row = await connection.fetchrow(self._queries.stored_tile, tile.level, tile.number)
        return None if row is None else (row["hashes"], row["root"])

    async def hashes(self, connection: Any, tile: Tile) -> bytes:
        """Derive the hashes of a tile from what is below it; less than its width when something is missing."""
        first = tile.number * WIDTH
        if tile.level == 0:
            found = await connection.fetchval(self._queries.hashes_of_leaves, first, first + tile.width)
        else:
            found = await connection.fetchval(self._queries.hashes_of_tiles, tile.level - 1, first, first + tile.width)
        return found or b""

    async def tiles(self, connection: Any, tiles: Collection[Tile]) -> dict[Tile, bytes]:
        """Return the hashes of tiles: full ones as they were stored, open ones derived."""
        if not tiles:
            return {}
        rows = await connection.fetch(self._queries.tiles, *map(list, zip(*tiles, strict=True)))
        return {Tile(level, number, width): hashes for level, number, width, hashes in rows}

    async def add_checkpoint(self, connection: Any, row: CheckpointRow) -> None:
        """Add a checkpoint in the transaction of the entries it covers."""
        await connection.execute(
            self._queries.add_checkpoint, row.size, row.root, row.note, row.frontier, row.signed_at
        )

    async def case_entries(self, connection: Any, case_ref: bytes, limit: int) -> list[Mapping[str, Any]]:
        """Return a case's entries in the order of the log."""
        rows: list[Mapping[str, Any]] = await connection.fetch(self._queries.case_entries, case_ref, limit)
        return rows

    async def steps_of_case(
        self, connection: Any, case_ref: bytes, kinds: Sequence[str]
    ) -> AsyncIterator[Mapping[str, Any]]:
        """Read a case's entries of some kinds, all of them, in the order of the log, a page at a time."""
        last = LOWEST
        while page := await connection.fetch(self._queries.steps_of_case, case_ref, kinds, last, STEPS_AT_ONCE):
            for row in page:
                yield row
            last = page[-1]["index"]

    async def search(self, connection: Any, search: Search) -> list[Mapping[str, Any]]:
        """Return a page of the entries that are looked for, in the order of the log; who looked, newest first."""
        tenants = None if search.tenants is None else sorted(search.tenants)
        values: list[Any] = [search.first, tenants, search.limit, search.kind, search.actor, search.since, search.until]
        async with connection.transaction(readonly=True):
            await connection.execute(self._queries.plan_for_these_values)
            if search.access_only:
                query, more = self._queries.access_log, [search.case_ref]
            elif search.case_ref is not None:
                query, more = self._queries.search_case, [search.case_ref]
            elif search.subject is not None:
                query, more = self._queries.search_subject, [search.subject]
            else:
                query, more = self._queries.search_entries, await self._from_a_time(connection, search.since, values)
            rows: list[Mapping[str, Any]] = await connection.fetch(query, *values, *more)
        return rows

    async def _from_a_time(self, connection: Any, since: datetime | None, values: Sequence[Any]) -> list[Any]:
        """Return from where on a search reads the log in its order, and the entries before that which it is to find."""
        if since is None:
            return [0, []]
        place: int = await connection.fetchval(self._queries.place_of, since)
        await connection.execute(self._queries.by_summaries)
        ahead = await connection.fetch(self._queries.entries_ahead, *values, place)
        await connection.execute(self._queries.by_any_way)
        return [place, [row["index"] for row in ahead]]

    async def leaves_between(self, connection: Any, first: int, end: int) -> list[bytes]:
        """Return the leaves from ``first`` on, up to and without ``end``."""
        return [row["leaf"] for row in await connection.fetch(self._queries.leaves_between, first, end)]

    async def tenants_between(self, connection: Any, first: int, end: int) -> AsyncIterator[Mapping[str, Any]]:
        """Count the entries of each tenant from ``first`` on, up to and without ``end``, a stretch at a time."""
        for at in range(first, end, COUNTED_AT_ONCE):
            for row in await connection.fetch(self._queries.tenants_between, at, min(at + COUNTED_AT_ONCE, end)):
                yield row

    async def extent(self, connection: Any) -> tuple[int, int]:
        """Return how many entries there are, and how many names of records."""
        try:
            row = await connection.fetchrow(self._queries.log_extent)
        except asyncpg.UndefinedTableError as error:
            raise ConfigurationError(
                f"this database is of an earlier release ({error}): run `countersign migrate` on it"
            ) from error
        return row["entries"], row["records"]

    async def all_entries(self, connection: Any) -> AsyncIterator[Mapping[str, Any]]:
        """Read the whole log in its order, a page at a time."""
        last = LOWEST
        while page := await connection.fetch(self._queries.entries_after, last, ENTRIES_AT_ONCE):
            for row in page:
                yield row
            last = page[-1]["index"]

    async def all_checkpoints(self, connection: Any) -> AsyncIterator[Mapping[str, Any]]:
        """Read every checkpoint, smallest first, a page at a time."""
        last = LOWEST
        while page := await connection.fetch(self._queries.checkpoints_after, last, CHECKPOINTS_AT_ONCE):
            for row in page:
                yield row
            last = page[-1]["size"]

    async def add_read(self, connection: Any, scope: bytes, read_at: datetime) -> int:
        """Note that somebody reads, and return the read's number within its scope."""
        await connection.execute(self._queries.lock_reads, scope)
        sequence: int = await connection.fetchval(self._queries.add_read, scope, read_at)
        return sequence


def _alive(connection: Any) -> bool:
    try:
        return connection is not None and not connection.is_closed()
    except asyncpg.InterfaceError:
        # The pool has taken back a connection that was lost.
        return False


async def _copy(connection: Any, table: str, columns: Sequence[str], blocks: Sequence[memoryview]) -> None:
    for block in blocks:
        await connection.copy_to_table(table, source=block, columns=columns, format="binary")


@asynccontextmanager
async def connected(database_url: str) -> AsyncIterator[Any]:
    """Open one connection for reading the log from outside the service."""
    try:
        connection = await asyncpg.connect(
            database_url,
            server_settings={
                "search_path": SCHEMA, "application_name": "countersign-audit-reader", "timezone": "UTC", "jit": "off",
                "default_transaction_read_only": "on",
            },
        )  # fmt: skip
    except LIBRARY_ERRORS as error:
        raise unusable(error) from error
    try:
        yield connection
    finally:
        await connection.close()


async def restrict(connection: Any, queries: Queries, role: str) -> None:
    """Leave a role what it needs and no more; a ``ConfigurationError`` where there is none, or it is not allowed."""
    try:
        await connection.execute(queries.name_role, role)
        await connection.execute(queries.restrict)
    except asyncpg.UndefinedObjectError as error:
        raise ConfigurationError(f"There is no role {role!r} in this database: make it first.") from error
    except asyncpg.InsufficientPrivilegeError as error:
        raise ConfigurationError(f"DATABASE_URL must name an administrator of the database: {error}.") from error

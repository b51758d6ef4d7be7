"""Partitions of the log: made ahead by the writer, closed to changes as the whole is; and a log from before them."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import orjson
import pytest

from countersign_audit.store import MIGRATIONS, SCHEMA
from countersign_shared.postgres import Queries, migrate, open_pool
from tests.integration.audit.log import Log, open_log
from tests.integration.audit.reading import API, reading
from tests.unit.audit.records import example, one_case, record

FROM_BEFORE = ("entries", "payloads", "data_keys", "checkpoints", "tiles")


async def parts(log: Log, table: str) -> list[str]:
    rows = await log.rows(
        "SELECT c.relname AS name FROM pg_inherits JOIN pg_class AS c ON c.oid = inhrelid"
        " WHERE inhparent = $1::regclass ORDER BY length(c.relname), c.relname",
        table,
    )
    return [row["name"] for row in rows]


@pytest.fixture
async def log(database_url: str, tmp_path: Path) -> AsyncIterator[Log]:
    """A log with more entries than two partitions hold."""
    async with open_log(database_url, tmp_path / "keys", audit_partition_entries=256) as log:
        assert await parts(log, "entries") == ["entries_0"]
        for first in range(0, 150, 30):
            await log.add([one for at in range(first, first + 30) for one in one_case(f"case-{at}", number=at)])
            if first == 30:
                # More than half of the first partition is used: the next is there, long before it is needed.
                assert await parts(log, "entries") == ["entries_0", "entries_256"]
        yield log


async def test_partitions_are_made_ahead_and_a_case_is_read_across_them(log: Log) -> None:
    for table in ("entries", "payloads"):
        assert await parts(log, table) == [f"{table}_{first}" for first in (0, 256, 512)]
    # The case's last event is three partitions from its first.
    late = orjson.loads((await log.rows("SELECT leaf FROM entries WHERE index = 1"))[0]["leaf"])
    body = example("decision.made/loan_application.automatic.json") | {"case_id": "case-0"}
    await log.add([record("decision.made", body, event_id="much-later")])
    assert log.writer.size == 602
    async with reading(log) as client:
        timeline = (await client.get(f"{API}/cases/case-0/timeline")).json()["entries"]
    assert [entry["index"] for entry in timeline] == [1, 2, 3, 4, 601]
    (row,) = await log.rows("SELECT leaf, case_ref FROM entries WHERE index = 601")
    leaf = orjson.loads(row["leaf"])
    assert (leaf["previous"], leaf["case"]) == (4, late["case"])
    report = await log.verify()
    assert report.ok, [str(one) for one in report.findings]


async def test_what_came_in_of_erased_cases_is_looked_for_case_by_case(log: Log) -> None:
    # Every second, so the log must not be read for it: joined as a whole, it took a second of a processor at 400,000.
    queries = Queries.load(MIGRATIONS.with_name("erasure.sql"))
    plan = "\n".join(row[0] for row in await log.rows(f"EXPLAIN {queries.come_in_since.replace('$1', '100')}"))
    assert "Nested Loop" in plan
    assert "Hash Join" not in plan
    assert "Merge Join" not in plan


async def test_every_partition_refuses_changes_whoever_asks_and_however(log: Log) -> None:
    async with log.pool.acquire() as connection:
        for role in ("origin", "replica"):
            await connection.execute(f"SET session_replication_role = {role}")
            for table in ("entries", "payloads"):
                for part in await parts(log, table):
                    for statement in (f"UPDATE {part} SET index = 9", f"DELETE FROM {part}", f"TRUNCATE {part}"):
                        with pytest.raises(asyncpg.RestrictViolationError, match="append-only"):
                            await connection.execute(statement)


async def test_a_record_is_recognised_whatever_partition_holds_it(log: Log) -> None:
    before = log.writer.size
    await log.add([*one_case("case-1", number=1), *one_case("case-149", number=149)])
    assert log.writer.size == before
    await log.add(one_case("case-fresh", number=999))
    # Without having been looked for: the batch before had no repeat.
    await log.add(one_case("case-2", number=2))
    assert log.writer.size == before + 4


def migrations_before(number: str, to: Path) -> Path:
    to.mkdir()
    for file in MIGRATIONS.glob("*.sql"):
        if file.name < number:
            shutil.copy(file, to)
    return to


async def test_a_log_from_before_keeps_its_entries_and_goes_on(database_url: str, tmp_path: Path) -> None:
    async with open_log(database_url, tmp_path / "keys") as log:
        await log.add([one for number in range(100) for one in one_case(f"case-{number}", number=number)])
        head = await log.rows("SELECT index, leaf_hash FROM entries ORDER BY index")
        tables = {table: await log.rows(f"SELECT * FROM {table}") for table in FROM_BEFORE}
        await log.rows("DROP SCHEMA audit CASCADE")
    async with open_pool(database_url, schema=SCHEMA, size=2) as pool:
        await migrate(pool, schema=SCHEMA, migrations=migrations_before("0008", tmp_path / "old"))
        async with pool.acquire() as connection:
            for table, rows in tables.items():
                await connection.copy_records_to_table(table, records=[tuple(row) for row in rows])
            await migrate(pool, schema=SCHEMA, migrations=MIGRATIONS)
            # A service of the release before, still running, fills no `records`: it finds no room.
            with pytest.raises(asyncpg.CheckViolationError, match="no partition"):
                await connection.execute(
                    "INSERT INTO entries SELECT 401, leaf, leaf_hash, record_id, case_ref, tenant, kind FROM entries"
                    " WHERE index = 400"
                )
            with pytest.raises(asyncpg.RestrictViolationError):
                await connection.execute("DELETE FROM entries_0")
    async with open_log(database_url, tmp_path / "keys") as log:
        assert await log.rows("SELECT index, leaf_hash FROM entries ORDER BY index") == head
        assert await parts(log, "payloads") == ["payloads_0", "payloads_401"]
        await log.add([*one_case("case-7", number=7), *one_case("case-new", number=700)])
        assert log.writer.size == 405
        assert await log.rows("SELECT tableoid::regclass::text AS part FROM entries WHERE index = 404") == [
            ("entries_401",)
        ]
        report = await log.verify()
        assert report.ok, [str(one) for one in report.findings]
        assert report.payloads_opened == 404

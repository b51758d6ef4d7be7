"""One writer at a time, whatever ends it: what was not committed is done again, what was is not."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import asyncpg
import pytest

from countersign_audit.domain.tree import leaf_hash
from countersign_audit.store import SCHEMA, SecondWriterError, Store, WriterSession
from countersign_audit.writing.copying import copies
from countersign_shared.errors import ConfigurationError, FatalError
from tests.integration.audit.log import LOSE_THE_LOCK, LOST, TABLES, Log, open_log, verified
from tests.unit.audit.records import one_case

HELD = """
SELECT count(*) FROM pg_locks JOIN pg_database ON oid = database AND datname = current_database()
WHERE locktype = 'advisory'
"""


async def test_a_second_writer_is_refused_while_the_first_lives(log: Log) -> None:
    with pytest.raises(ConfigurationError, match="another audit service"):
        async with open_log(log.database_url, log.keys_dir):
            pass
    await log.add(one_case())
    assert await log.count() == 5


async def test_sessions_are_given_back_without_their_lock_and_their_settings(log: Log) -> None:
    session = WriterSession(log.pool, wait_seconds=0)
    await log.rows(LOSE_THE_LOCK)
    for _ in range(2):
        writes, reads = await session.connection(), await session.reader()
        assert await writes.fetchval(HELD) == 1
        assert await reads.fetchval("SHOW enable_seqscan") == "off"
        await session.close()
        assert await log.rows(HELD) == [(0,)]
    async with log.pool.acquire() as one, log.pool.acquire() as other:
        assert [await each.fetchval("SHOW enable_seqscan") for each in (one, other)] == ["on", "on"]


async def test_a_writer_without_the_lock_fails_on_the_index_instead_of_forking_the_log(log: Log) -> None:
    await log.add(one_case("a"))
    (row,) = await log.rows("SELECT * FROM entries WHERE index = 4")
    forged = (5, b"{}", leaf_hash(b"{}"), b"r" * 16, None, None, "forged", None, None)
    async with log.pool.acquire() as connection:
        await Store().append(connection, copies([forged]), [])
    with pytest.raises(SecondWriterError):
        await log.add(one_case("b"))
    assert row["index"] == 4
    assert await log.count() == 6


async def test_the_lock_comes_back_with_the_connection(log: Log) -> None:
    await log.add(one_case("a"))
    killed = await log.rows(LOSE_THE_LOCK)
    assert killed
    with suppress(*LOST):
        await log.add(one_case("b"))
    await log.add(one_case("b"))
    assert await log.count() == 9
    assert (await log.verify()).ok


async def test_a_session_that_lost_the_lock_to_another_writer_refuses_to_go_on(log: Log) -> None:
    await log.add(one_case("a"))
    await log.rows(LOSE_THE_LOCK)
    async with open_log(log.database_url, log.keys_dir) as other:
        await other.add(one_case("b"))
        for _ in range(2):
            with pytest.raises((*LOST, ConfigurationError)):
                await log.add(one_case("c"))
        assert await other.count() == 9


class Interruption(Exception):  # noqa: N818 - nothing went wrong, it was stopped
    """Stands for whatever ends a batch early."""


@pytest.mark.parametrize("step", ["known_records", "known_scopes", "append", "add_checkpoint", "commit"])
async def test_a_batch_that_ends_early_leaves_nothing_and_can_be_done_again(
    log: Log, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await log.add(one_case("before"))
    untouched = {table: await log.rows(f"SELECT * FROM {table}") for table in TABLES}

    async def interrupted(*_: object) -> None:
        raise Interruption

    async def cut_off(transaction: asyncpg.transaction.Transaction) -> None:
        transaction._connection.terminate()
        raise Interruption

    with monkeypatch.context() as patch:
        # Chance ends a batch here, at each place where it may.
        if step == "commit":
            patch.setattr(asyncpg.transaction.Transaction, "_Transaction__commit", cut_off)
        else:
            patch.setattr(Store, step, interrupted)
        with pytest.raises(Interruption):
            await log.add([*one_case("during"), *one_case("before")])
    assert {table: await log.rows(f"SELECT * FROM {table}") for table in TABLES} == untouched
    await log.add([*one_case("during"), *one_case("before")])
    assert await log.count() == 9
    report = await log.verify()
    assert report.ok, [str(finding) for finding in report.findings]


async def test_a_commit_whose_answer_was_lost_is_not_written_twice(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    commit = asyncpg.transaction.Transaction.__dict__["_Transaction__commit"]

    async def committed_but_unheard(transaction: asyncpg.transaction.Transaction) -> None:
        await commit(transaction)
        raise Interruption

    with monkeypatch.context() as patch:
        patch.setattr(asyncpg.transaction.Transaction, "_Transaction__commit", committed_but_unheard)
        with pytest.raises(Interruption):
            await log.add(one_case("a"))
    await log.add(one_case("a"))
    await log.add(one_case("b"))
    assert await log.count() == 9
    assert (await log.verify()).ok


async def test_entries_without_a_checkpoint_are_found_again_and_signed(database_url: str, tmp_path: Path) -> None:
    moment = datetime(2026, 1, 2, tzinfo=UTC)
    async with open_log(database_url, tmp_path / "keys", clock=lambda: moment) as log:
        await log.add(one_case("a"))
        await log.add(one_case("b"))
        assert log.writer.unsigned == 8
        report = await log.verify()
        assert report.ok
        assert (report.entries, report.size, report.unsigned) == (9, 1, 8)
        # A process that dies here has signed nothing; the next one reads the tail again.
        head = await log.writer._load(await log.writer._session.connection())
        assert (head.size, head.signed_size) == (9, 1)
        log.writer._head = None
        await log.writer.sign_tail()
        assert log.writer.unsigned == 0
        await log.writer.sign_tail()
    report = await verified(database_url, tmp_path / "keys")
    assert report.ok
    assert (report.size, report.unsigned, report.checkpoints) == (9, 0, 2)


async def test_checkpoints_are_signed_once_per_interval(database_url: str, tmp_path: Path) -> None:
    async with open_log(database_url, tmp_path / "keys", audit_checkpoint_interval_ms=10_000) as log:
        for number in range(20):
            await log.add(one_case(f"c-{number}"))
        rows = await log.rows("SELECT size, signed_at FROM checkpoints ORDER BY size")
        assert all(later[1] - earlier[1] >= timedelta(seconds=10) for earlier, later in pairwise(rows[1:]))
        assert 1 < len(rows) < 10


async def test_a_log_does_not_go_on_under_other_keys_or_another_name(database_url: str, tmp_path: Path) -> None:
    async with open_log(database_url, tmp_path / "keys", audit_log_name="example.org/log") as log:
        await log.add(one_case())
        assert log.writer.origin == "example.org/log"
    with pytest.raises(ConfigurationError, match=r"began as example\.org/log"):
        async with open_log(database_url, tmp_path / "keys", audit_log_name="example.org/other"):
            pass
    with pytest.raises(ConfigurationError, match=r"AUDIT_KEYS_DIR .* is missing"):
        async with open_log(database_url, tmp_path / "elsewhere"):
            pass
    async with open_log(database_url, tmp_path / "keys") as log:
        assert log.writer.origin == "example.org/log"
    (tmp_path / "keys" / "signing.key").write_text("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="not signed by the key in AUDIT_KEYS_DIR"):
        async with open_log(database_url, tmp_path / "keys"):
            pass


async def test_a_start_on_an_altered_head_is_refused(database_url: str, tmp_path: Path) -> None:
    async with open_log(database_url, tmp_path / "keys") as log:
        await log.add(one_case())
    for change in (
        "UPDATE checkpoints SET frontier = decode(repeat('00', 64), 'hex') WHERE size = 5",
        "DELETE FROM checkpoints",
    ):
        connection = await asyncpg.connect(database_url, server_settings={"search_path": SCHEMA})
        await connection.execute("ALTER TABLE checkpoints DISABLE TRIGGER ALL")
        await connection.execute(change)
        await connection.close()
        with pytest.raises(FatalError, match="countersign audit verify"):
            async with open_log(database_url, tmp_path / "keys"):
                pass

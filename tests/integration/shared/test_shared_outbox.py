"""The outbox on a real PostgreSQL: order per case, grace, one relay, at least once."""

import asyncio
import contextlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from countersign_shared.background import beside
from countersign_shared.clock import system_clock
from countersign_shared.errors import ConfigurationError
from countersign_shared.messaging import write_event
from countersign_shared.messaging.outbox import Outbox, Relay
from countersign_shared.postgres import migrate, open_pool

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
OUTBOX_DDL = """
CREATE TABLE outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, event_id text NOT NULL UNIQUE, topic text NOT NULL,
    partition integer, key bytea NOT NULL, body bytea NOT NULL, headers bytea NOT NULL,
    not_before timestamptz NOT NULL, created_at timestamptz NOT NULL DEFAULT clock_timestamp());
CREATE INDEX outbox_key ON outbox (key, id);
"""


@pytest.fixture
async def pool(database_url, tmp_path: Path):
    (tmp_path / "0001_outbox.sql").write_text(OUTBOX_DDL, encoding="utf-8")
    async with open_pool(database_url, schema="outboxes") as pool:
        await migrate(pool, schema="outboxes", migrations=tmp_path)
        yield pool


def message(case_id: str, n: int):
    return write_event(
        "decision.made", event_id=f"{case_id}-{n}", source="/test", case_id=case_id, time="2026-01-02T03:04:05.000000Z",
        body=b"%d" % n, partition=1, traceparent=b"00-aa-bb-01",
    )  # fmt: skip


async def add(pool, outbox, case_id, n, *, delay=0.0):
    async with pool.acquire() as connection, connection.transaction():
        await outbox.add(
            connection, message(case_id, n), event_id=f"{case_id}-{n}", not_before=NOW + timedelta(seconds=delay)
        )


class Sink:
    def __init__(self):
        self.messages = []
        self.dies = False

    async def __call__(self, messages):
        if self.dies:
            raise RuntimeError("the broker died")
        self.messages += messages

    def bodies(self):
        return [(m.key, m.value) for m in self.messages]


async def test_a_held_message_holds_back_the_later_ones_of_its_case_only(pool):
    outbox, sink, moment = Outbox(), Sink(), [NOW]
    relay = Relay(outbox, sink, clock=lambda: moment[0])
    await add(pool, outbox, "a", 1, delay=5)
    await add(pool, outbox, "a", 2)
    await add(pool, outbox, "b", 1)
    async with pool.acquire() as connection:
        assert await relay.acquire(connection)
        assert await relay.pass_once(connection) == 1
        assert sink.bodies() == [(b"b", b"1")]
        moment[0] += timedelta(seconds=6)
        assert await relay.pass_once(connection) == 2
    assert sink.bodies()[1:] == [(b"a", b"1"), (b"a", b"2")]
    assert "traceparent" not in dict(sink.messages[0].headers)


async def test_what_was_written_under_a_clock_that_ran_ahead_leaves_and_holds_nothing_back(pool):
    outbox, sink, moment = Outbox(), Sink(), [NOW]
    relay = Relay(outbox, sink, clock=lambda: moment[0])
    await add(pool, outbox, "a", 1, delay=365 * 86_400)
    await add(pool, outbox, "a", 2)
    await add(pool, outbox, "b", 1, delay=3_600)
    async with pool.acquire() as connection, asyncio.timeout(20):
        assert await relay.acquire(connection)
        pumping = asyncio.create_task(relay._pump(connection))
        while len(sink.messages) < 2:
            await asyncio.sleep(0.01)
        pumping.cancel()
        await asyncio.gather(pumping, return_exceptions=True)
    assert sink.bodies() == [(b"a", b"1"), (b"a", b"2")], "and what can still be undone waits"


async def test_what_is_held_back_leaves_when_it_is_due_and_not_when_somebody_looks(pool, monkeypatch):
    monkeypatch.setattr("countersign_shared.messaging.outbox.POLL_SECONDS", 3_600.0)
    outbox, sink = Outbox(), Sink()
    relay = Relay(outbox, sink, clock=system_clock)
    due = system_clock() + timedelta(seconds=0.3)
    async with pool.acquire() as connection, connection.transaction():
        await outbox.add(connection, message("a", 1), event_id="a-1", not_before=due)
    async with pool.acquire() as connection, asyncio.timeout(20):
        assert await relay.acquire(connection)
        pumping = asyncio.create_task(relay._pump(connection))
        while not sink.messages:
            await asyncio.sleep(0.01)
        assert system_clock() >= due
        # A hint is for what is due at once; nothing else is asked meanwhile.
        await add(pool, outbox, "b", 1)
        outbox.hurry()
        while len(sink.messages) < 2:
            await asyncio.sleep(0.01)
        pumping.cancel()
        await asyncio.gather(pumping, return_exceptions=True)


async def test_what_was_taken_back_never_leaves(pool):
    outbox, sink = Outbox(), Sink()
    await add(pool, outbox, "a", 1, delay=5)
    async with pool.acquire() as connection:
        assert await outbox.remove(connection, "a-1")
        assert not await outbox.remove(connection, "a-1")
        relay = Relay(outbox, sink, clock=lambda: NOW + timedelta(hours=1))
        assert await relay.acquire(connection)
        assert await relay.pass_once(connection) == 0


async def test_a_crash_before_commit_sends_the_same_bytes_again(pool):
    outbox, sink = Outbox(), Sink()
    relay = Relay(outbox, sink, clock=lambda: NOW)
    await add(pool, outbox, "a", 1)
    async with pool.acquire() as connection:
        assert await relay.acquire(connection)
        sink.dies = True
        with pytest.raises(RuntimeError):
            await relay.pass_once(connection)
        sink.dies = False
        assert await relay.pass_once(connection) == 1
        assert await relay.pass_once(connection) == 0


async def test_only_one_relay_works(pool):
    outbox = Outbox()
    relay = Relay(outbox, Sink(), clock=lambda: NOW)
    async with pool.acquire() as one, pool.acquire() as two:
        assert await relay.acquire(one)
        assert not await relay.acquire(two)


async def test_rows_that_commit_late_are_not_lost(pool):
    """Trap 18: ids are taken in one order and committed in another."""
    outbox, sink = Outbox(), Sink()
    relay = Relay(outbox, sink, clock=lambda: NOW)
    async with pool.acquire() as slow, pool.acquire() as relaying:
        assert await relay.acquire(relaying)
        late = slow.transaction()
        await late.start()
        await outbox.add(slow, message("late", 1), event_id="late-1", not_before=NOW)
        await add(pool, outbox, "early", 1)
        assert await relay.pass_once(relaying) == 1
        await late.commit()
        assert await relay.pass_once(relaying) == 1
    assert sink.bodies() == [(b"early", b"1"), (b"late", b"1")]


async def test_replicas_migrate_once(database_url, tmp_path):
    (tmp_path / "0001_a.sql").write_text("CREATE TABLE a (x int);", encoding="utf-8")

    async def start():
        async with open_pool(database_url, schema="many") as pool:
            return await migrate(pool, schema="many", migrations=tmp_path)

    applied = await asyncio.gather(*(start() for _ in range(5)))
    assert sorted(applied) == [[], [], [], [], ["0001_a.sql"]]


async def test_an_edited_migration_is_refused(pool, tmp_path):
    (tmp_path / "0001_outbox.sql").write_text("SELECT 1;", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="changed after"):
        await migrate(pool, schema="outboxes", migrations=tmp_path)


async def test_a_database_newer_than_the_code_is_refused(pool, tmp_path):
    (tmp_path / "0001_outbox.sql").unlink()
    with pytest.raises(ConfigurationError, match="newer release"):
        await migrate(pool, schema="outboxes", migrations=tmp_path)


async def test_a_wrong_database_url_is_said_in_one_line():
    with pytest.raises(ConfigurationError, match="DATABASE_URL"):
        async with open_pool("postgresql://nobody@127.0.0.1:1/none", schema="x"):
            pass


async def test_a_pool_sees_its_own_schema_only(pool):
    with pytest.raises(asyncpg.UndefinedTableError):
        await pool.execute("SELECT 1 FROM somebody_elses_table")
    assert await pool.fetchval("SELECT current_schema()") == "outboxes"


async def test_a_relay_that_waits_too_long_for_a_row_goes_on_when_it_is_free(database_url, pool):
    outbox, sink = Outbox(), Sink()
    await add(pool, outbox, "a", 1)
    relay = Relay(outbox, sink, clock=lambda: NOW)
    settings = {"search_path": "outboxes", "lock_timeout": "50ms"}
    hasty = await asyncpg.create_pool(database_url, min_size=1, max_size=1, server_settings=settings)
    async with pool.acquire() as somebody, contextlib.AsyncExitStack() as held:
        await held.enter_async_context(somebody.transaction())
        await somebody.execute("SELECT FROM outbox FOR UPDATE")
        failed = []
        async with beside(relay.run(hasty), fail=failed.append):
            await asyncio.sleep(0.3)  # several times as long as it has patience
            await held.aclose()
            async with asyncio.timeout(20):
                while not sink.messages and not failed:
                    await asyncio.sleep(0.02)
    await hasty.close()
    assert (failed, sink.bodies()) == ([], [(b"a", b"1")])

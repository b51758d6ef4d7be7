"""What the log does for itself: data keys wrapped anew under the next epoch, and columns compared with their leaves."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import orjson
import pytest

from countersign_audit.custody import rewrapping
from countersign_audit.custody.keys import add_epoch_key, load_keys
from countersign_audit.custody.rewrapping import Rewrapper, destroy_epoch_key, read_epochs
from countersign_audit.watching.checking import CopyCheck
from countersign_audit.writing.sealing import KeyWrap, SealError
from countersign_shared.errors import ConfigurationError
from tests.integration.audit.log import Log, SteppingClock, open_log, verified
from tests.integration.audit.reading import API, reading
from tests.unit.audit.records import one_case

CASES = 12


def rewrapper(log: Log) -> Rewrapper:
    return Rewrapper(log.pool, log.writer, load_keys(log.keys_dir), SteppingClock(), secrets.token_bytes)


async def filled(log: Log, cases: Sequence[int]) -> None:
    await log.add([one for number in cases for one in one_case(f"case-{number}", number=number)])


async def own(log: Log, kind: str) -> list[dict[str, Any]]:
    rows = await log.rows("SELECT leaf FROM entries WHERE kind = $1 ORDER BY index", kind)
    return [orjson.loads(row["leaf"]) for row in rows]


async def epochs_of(log: Log) -> dict[int, int]:
    async with log.pool.acquire() as connection:
        return (await read_epochs(connection)).keys


async def test_a_new_epoch_takes_over_every_key_and_the_old_one_can_go(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rewrapping, "KEYS_AT_ONCE", 5)
    keys = tmp_path / "keys"
    async with open_log(database_url, keys) as log:
        await filled(log, range(CASES))
        assert await rewrapper(log).work() == 0
        before = await log.rows("SELECT scope, wrapped FROM data_keys")
        leaves = await log.rows("SELECT leaf FROM entries ORDER BY index")
    assert add_epoch_key(keys, secrets.token_bytes).name == "epoch-0002.key"
    old = load_keys(keys).epochs[1]
    async with open_log(database_url, keys) as log:
        await filled(log, [CASES])
        assert await epochs_of(log) == {1: CASES, 2: 1}
        at_work = rewrapper(log)
        assert await at_work.work() == CASES
        assert await epochs_of(log) == {2: CASES + 1}
        (begun,), (completed,) = await own(log, "log.epoch_begun"), await own(log, "log.epoch_completed")
        assert (begun["epoch"], begun["previous_epoch"]) == (2, 1)
        assert (completed["epoch"], completed["data_keys"], completed["unopened"]) == (2, CASES + 1, 0)
        # Once and for all: neither this one nor a later start begins again.
        assert await at_work.work() == 0 == await rewrapper(log).work()
        assert (await log.rows("SELECT leaf FROM entries ORDER BY index"))[: len(leaves)] == leaves
        async with log.pool.acquire() as connection:
            found = await read_epochs(connection)
        assert destroy_epoch_key(keys, 1, found).name == "epoch-0001.key"
    async with open_log(database_url, keys) as log, reading(log) as client:
        assert list(load_keys(keys).epochs) == [2]
        await filled(log, range(CASES + 2))
        timeline = (await client.get(f"{API}/cases/case-3/timeline")).json()["entries"]
        assert [entry["payload"] for entry in timeline] == ["readable"] * 4
        # A backup from before holds what only the old key opens.
        with pytest.raises(SealError):
            KeyWrap(load_keys(keys).epochs).unwrap(1, before[0]["wrapped"], before[0]["scope"], 1)
        assert KeyWrap({1: old}).unwrap(1, before[0]["wrapped"], before[0]["scope"], 1)
    report = await verified(database_url, keys)
    assert report.ok, [str(one) for one in report.findings]
    assert report.payloads_opened == 4 * (CASES + 2)


async def test_it_goes_on_where_it_was_cut_off_and_a_damaged_key_is_passed_over(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rewrapping, "KEYS_AT_ONCE", 5)
    keys = tmp_path / "keys"
    async with open_log(database_url, keys) as log:
        await filled(log, range(CASES))
    add_epoch_key(keys, secrets.token_bytes)

    class GoneError(Exception):
        pass

    async with open_log(database_url, keys) as log:
        at_work, real = rewrapper(log), Rewrapper._step
        steps = 0

        async def twice(self: Rewrapper, connection: Any, rows: Any) -> int:
            nonlocal steps
            steps += 1
            if steps > 2:
                raise GoneError
            return await real(self, connection, rows)

        monkeypatch.setattr(Rewrapper, "_step", twice)
        with pytest.raises(GoneError):
            await at_work.work()
        monkeypatch.setattr(Rewrapper, "_step", real)
        assert await epochs_of(log) == {1: 2, 2: 10}
        assert await own(log, "log.epoch_completed") == []
        async with log.pool.acquire() as connection:
            with pytest.raises(ConfigurationError, match="2 data keys are still wrapped"):
                destroy_epoch_key(keys, 1, await read_epochs(connection))
        await log.rows("ALTER TABLE data_keys DISABLE TRIGGER append_only")
        await log.rows(
            "UPDATE data_keys SET wrapped = set_byte(wrapped, 20, 255 - get_byte(wrapped, 20))"
            " WHERE scope = (SELECT max(scope) FROM data_keys)"
        )
        await log.rows("ALTER TABLE data_keys ENABLE ALWAYS TRIGGER append_only")
    async with open_log(database_url, keys) as log:
        assert await rewrapper(log).work() == 1
        assert len(await own(log, "log.epoch_begun")) == 1
        (completed,) = await own(log, "log.epoch_completed")
        assert (completed["data_keys"], completed["unopened"]) == (11, 1)


async def test_keys_are_replaced_through_the_one_door_and_only_by_a_later_epochs(
    database_url: str, tmp_path: Path
) -> None:
    async with open_log(database_url, tmp_path / "keys") as log:
        await filled(log, [1])
        for statement in ("UPDATE data_keys SET epoch = 2", "DELETE FROM epochs", "TRUNCATE copies_checked"):
            with pytest.raises(asyncpg.RestrictViolationError, match="append-only"):
                await log.rows(statement)
        ((scope, wrapped),) = await log.rows("SELECT scope, wrapped FROM data_keys")
        (done,) = await log.rows("SELECT rewrap_keys($1, $2, $3, 1)", [scope], [1], [b"other"])
        assert done[0] == 0
        assert await log.rows("SELECT scope, wrapped FROM data_keys") == [(scope, wrapped)]


async def test_keys_older_than_the_epoch_in_force_are_refused_at_the_start(database_url: str, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    async with open_log(database_url, keys) as log:
        await filled(log, [1])
    newer = add_epoch_key(keys, secrets.token_bytes)
    async with open_log(database_url, keys) as log:
        await rewrapper(log).work()
    newer.rename(newer.with_suffix(".away"))
    with pytest.raises(ConfigurationError, match="the log is in epoch 2"):
        async with open_log(database_url, keys):
            pass


def check(log: Log, clock: SteppingClock) -> CopyCheck:
    return CopyCheck(log.pool, log.writer, clock, log.metrics, timedelta(hours=24))


def gauge(log: Log) -> float:
    return float(log.metrics.gauge("audit_copies_differing")._value.get())


async def altered(log: Log, statement: str) -> None:
    table = statement.split()[1]
    await log.rows(f"ALTER TABLE {table} DISABLE TRIGGER append_only")
    await log.rows(statement)
    await log.rows(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER append_only")


async def test_columns_go_on_being_compared_after_the_clock_ran_ahead(database_url: str, tmp_path: Path) -> None:
    clock = SteppingClock()
    async with open_log(database_url, tmp_path / "keys", clock=clock) as log:
        right, clock.now = clock.now, clock.now + timedelta(days=365)
        assert await check(log, clock).work() is not None
        clock.now = right
        assert await check(log, clock).work() is not None
        assert await check(log, clock).work() is None


async def test_columns_are_compared_every_so_often_and_a_difference_is_an_alarm(
    database_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock = SteppingClock()
    async with open_log(database_url, tmp_path / "keys", clock=clock) as log:
        await filled(log, range(CASES))
        checking = check(log, clock)
        assert await checking.work() is None
        clock.now += timedelta(hours=25)
        done = await checking.work()
        assert done is not None
        assert (done.first, done.beyond, done.differing) == (0, 1 + 4 * CASES, [])
        assert gauge(log) == 0
        assert await checking.work() is None
        await altered(log, "UPDATE entries SET tenant = 'other' WHERE index = 10")
        await altered(log, "UPDATE entries SET case_ref = NULL WHERE index = 20")
        await altered(log, "UPDATE records SET index = 3 WHERE index = 30")
        clock.now += timedelta(hours=25)
        assert await check(log, clock).work() is not None
        assert gauge(log) == 3
        said = (await own(log, "log.copies_checked"))[-1]
        assert (said["differing"], said["first_differing"]) == (3, [10, 20, 30])
        assert (said["first_index"], said["last_index"]) == (0, 1 + 4 * CASES)
        assert "entry 10: the column tenant is not what its leaf says" in caplog.text
        # What was found stays in the figure until a later check finds it right again.
        fresh = check(log, clock)
        assert await fresh.work() is None
        assert gauge(log) == 3
        await altered(log, "UPDATE entries SET tenant = 'default' WHERE index = 10")
        clock.now += timedelta(hours=25)
        await fresh.work()
        assert gauge(log) == 2


async def test_a_check_that_was_cut_off_goes_on_where_it_was(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("countersign_audit.watching.checking.ENTRIES_AT_ONCE", 10)
    monkeypatch.setattr("countersign_audit.watching.checking.STRETCH", 20)
    monkeypatch.setattr("countersign_audit.watching.checking.PAUSE_SECONDS", 0)
    clock = SteppingClock()
    async with open_log(database_url, tmp_path / "keys", clock=clock) as log:
        await filled(log, range(CASES))
        await log.rows("INSERT INTO copies_checked VALUES (DEFAULT, 0, 20, 1, false, $1)", clock())
        assert await check(log, clock).work() is not None
        rows = await log.rows("SELECT first, beyond, ended FROM copies_checked ORDER BY number")
        # Its own entries of earlier stretches are part of the log it goes through.
        assert [tuple(row) for row in rows[:3]] == [(0, 20, False), (20, 40, False), (40, 50, True)]
        assert gauge(log) == 1

"""kill -9 at every step of a batch, a second writer, and records that come again from the first offset on."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import asyncpg
import pytest

from countersign_audit.store import SCHEMA
from countersign_shared.errors import ConfigurationError
from tests.integration.audit.log import open_log, verified
from tests.unit.audit.records import one_case

STEPS = (
    "without_repeats", "known_scopes", "copy_entries", "copy_keys", "copy_payloads", "add_checkpoint", "before_commit",
    "after_commit",
)  # fmt: skip

# A process that adds one batch and is gone at the step named, as a power cut would have it: nothing is undone by it.
DIES = """
import asyncio, os, signal, sys
from datetime import timedelta
from pathlib import Path
import asyncpg
from countersign_audit import repeats, store, writer
from tests.integration.audit.log import open_log
from tests.unit.audit.records import one_case

step, url, keys = sys.argv[1:]

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

def dying(owner, name, *, after=False, when=lambda *a, **k: True):
    real = getattr(owner, name)
    async def wrapped(*args, **more):
        if not when(*args, **more):
            return await real(*args, **more)
        if after:
            await real(*args, **more)
        die()
    setattr(owner, name, wrapped)

async def main():
    async with open_log(url, Path(keys)) as log:
        await log.add(one_case("before"))
        copies = store._copy
        if step == "without_repeats":
            dying(writer, "without_repeats", after=True)
        elif step == "known_scopes":
            dying(store.Store, "known_scopes", after=True)
        elif step.startswith("copy_") and step != "copy_keys":
            table = step.removeprefix("copy_")
            dying(store, "_copy", after=True, when=lambda c, t, *a: t == table)
        elif step == "copy_keys":
            dying(store, "_copy", when=lambda c, t, *a: t == "payloads")
        elif step == "add_checkpoint":
            dying(store.Store, "add_checkpoint")
        elif step == "before_commit":
            dying(store.Store, "add_checkpoint", after=True)
        elif step == "after_commit":
            writer.LogWriter._commit = die
        await log.add(one_case("during"))

asyncio.run(main())
"""


@pytest.mark.parametrize("step", STEPS)
async def test_killed_at_any_step_of_a_batch_it_is_whole_or_not_there(
    database_url: str, tmp_path: Path, step: str
) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", DIES, step, database_url, str(tmp_path / "keys"), env={**os.environ, "PYTHONPATH": "."}
    )
    assert await process.wait() == -signal.SIGKILL
    connection = await asyncpg.connect(database_url, server_settings={"search_path": SCHEMA})
    size = await connection.fetchval("SELECT count(*) FROM entries")
    await connection.close()
    assert size == (9 if step == "after_commit" else 5)
    report = await verified(database_url, tmp_path / "keys")
    assert report.ok, [str(one) for one in report.findings]
    # Kafka delivers again whatever was not acknowledged, and it is there once.
    async with open_log(database_url, tmp_path / "keys") as log:
        await log.add([*one_case("before"), *one_case("during")])
        assert log.writer.size == 9
    report = await verified(database_url, tmp_path / "keys")
    assert report.ok, [str(one) for one in report.findings]


async def test_a_second_writer_never_begins(database_url: str, tmp_path: Path) -> None:
    async with open_log(database_url, tmp_path / "keys"):
        with pytest.raises(ConfigurationError, match="another audit service has been writing this log"):
            async with open_log(database_url, tmp_path / "keys"):
                pass


async def test_a_topic_made_anew_brings_its_offsets_again_and_no_event_is_lost(
    database_url: str, tmp_path: Path
) -> None:
    async with open_log(database_url, tmp_path / "keys") as log:
        await log.add(one_case("old"))
        # The same partitions and offsets from zero on, other events.
        await log.add(one_case("new"))
        await log.add([*one_case("old"), *one_case("new")])
        assert log.writer.size == 9
        assert (await log.verify()).ok

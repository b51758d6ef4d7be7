"""What is done to a log that runs: kill -9 at every step of a batch, a second writer, repeats, an old backup.

Each test adds what came of it to the table on the page about the log; COUNTERSIGN_WRITE_DOCS=1 writes that table.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from pathlib import Path

import asyncpg
import orjson
import pytest

from countersign_audit.custody.anchored import BehindAnchorError
from countersign_audit.custody.anchors import DirectoryPlace
from countersign_audit.domain.tree import leaf_hash
from countersign_audit.store import SCHEMA, SecondWriterError, Store
from countersign_audit.writing.copying import copies
from countersign_shared.errors import ConfigurationError
from tests.architecture.sources import ROOT
from tests.integration.audit.log import START, open_log, verified
from tests.integration.audit.test_audit_anchors import cut_back, filled
from tests.unit.audit.records import example, one_case, record

STEPS = {
    "without_repeats": "once repeats were looked for",
    "known_scopes": "once its cases were looked up",
    "copy_records": "once the names of its records were written",
    "copy_entries": "once its entries were written",
    "copy_keys": "once its data keys were written",
    "copy_payloads": "once its payloads were written",
    "add_checkpoint": "before its checkpoint",
    "before_commit": "before its commit",
    "after_commit": "after its commit, before Kafka knows",
    "ready_before_commit": "before its commit, while the next two were ready",
    "ready_after_commit": "after its commit, while the next two were ready",
    "ready_together": "once it was written together with the next one, before their commit",
}
READY = [step for step in STEPS if step.startswith("ready_")]
"""Steps at which the two batches after it have been made ready."""
PAGE = ROOT / "docs" / "audit-log.md"
BEGIN, END = "<!-- attempts: written by tests/integration/audit/test_audit_crash.py -->", "<!-- end of attempts -->"
WRITE = "COUNTERSIGN_WRITE_DOCS"
KILLED = "kill -9 in the middle of a batch of four, {}"
SECOND, ROUND_THE_LOCK = "a second service is started on the log", "a second writer goes round the lock"
SAME_ID, SAME_BYTES = "an event id again, with other bytes", "an event again, byte for byte"
ANEW, OLD_BACKUP = "the topics made anew, offsets from zero", "an older backup of the database put back"
ATTEMPTS = (
    *(KILLED.format(step) for step in STEPS.values()), SECOND, ROUND_THE_LOCK, SAME_ID, SAME_BYTES, ANEW, OLD_BACKUP
)  # fmt: skip
FOUND: dict[str, str] = {}
"""What came of each attempt, as the tests of this file found it."""

# A process that adds one batch and is gone at the step named, as a power cut would have it: nothing is undone by it.
DIES = """
import asyncio, os, signal, sys
from datetime import timedelta
from pathlib import Path
import asyncpg
from countersign_audit import store
from countersign_audit.writing import repeats
from countersign_audit.writing import writer
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
            log.writer._repeats_likely = True
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
        elif step in ("before_commit", "ready_before_commit", "ready_together"):
            dying(store.Store, "add_checkpoint", after=True)
        elif step.endswith("after_commit"):
            writer.LogWriter._commit = die
        due = [log.handler.begin(one_case("during"))]
        if step.startswith("ready_"):
            due += [log.handler.begin(one_case(name)) for name in ("next", "last")]
            await log.writer._assembly.ready(due[-1].begun)
            assert all(batch.begun.made is not None for batch in due)
        await log.handler.finish(due[: 2 if step == "ready_together" else 1])

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
    assert size == (9 if step.endswith("after_commit") else 5)
    report = await verified(database_url, tmp_path / "keys")
    assert report.ok, [str(one) for one in report.findings]
    whole = "the whole batch" if size == report.entries == 9 else "nothing of the batch"
    # Kafka delivers again whatever was not acknowledged, and it is there once.
    cases = ("before", "during", "next", "last") if step in READY else ("before", "during")
    async with open_log(database_url, tmp_path / "keys") as log:
        await log.add([one for case in cases for one in one_case(case)])
        again = log.writer.size - size
        assert log.writer.size == 1 + 4 * len(cases)
    report = await verified(database_url, tmp_path / "keys")
    assert report.ok, [str(one) for one in report.findings]
    FOUND[KILLED.format(STEPS[step])] = f"{whole} is there, and it verifies; delivered again, {again} entries are added"


async def test_a_second_writer_never_begins(database_url: str, tmp_path: Path) -> None:
    async with open_log(database_url, tmp_path / "keys"):
        with pytest.raises(ConfigurationError, match="another audit service has been writing this log") as refused:
            async with open_log(database_url, tmp_path / "keys"):
                pass
    FOUND[SECOND] = f"refused: {refused.value}"


async def test_a_second_writer_that_goes_round_the_lock_ends_before_it_forks_the_log(
    database_url: str, tmp_path: Path
) -> None:
    async with open_log(database_url, tmp_path / "keys") as log:
        await log.add(one_case("first"))
        other = (5, b"{}", leaf_hash(b"{}"), b"r" * 16, None, None, "other", None, None)
        async with log.pool.acquire() as connection:
            await Store().append(connection, copies([other]), [])
        with pytest.raises(SecondWriterError) as refused:
            await log.add(one_case("second"))
        assert await log.rows("SELECT count(*) FROM entries WHERE index = 5") == [(1,)]
    FOUND[ROUND_THE_LOCK] = f"whoever comes second at an index fails: {refused.value}"


async def test_an_event_again_is_nothing_and_its_id_with_other_bytes_is_an_entry_that_says_so(
    database_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    body = example("case.created/refund.json")
    async with open_log(database_url, tmp_path / "keys") as log:
        first = record("case.created", body, event_id="same")
        await log.add([first])
        await log.add([first])
        FOUND[SAME_BYTES] = f"{log.writer.size - 2} entries are added"
        await log.add([record("case.created", body | {"title": "another"}, event_id="same")])
        ((leaf,),) = await log.rows("SELECT leaf FROM entries WHERE index = 2")
        assert "repeat an id with other content" in caplog.text
        assert (await log.verify()).ok
    of = orjson.loads(leaf)["conflict_with"]
    FOUND[SAME_ID] = f"an entry with `conflict_with` {of}, an error in the log, the alert `AuditConflict`"


async def test_an_older_backup_is_not_written_to(database_url: str, tmp_path: Path) -> None:
    places = [DirectoryPlace(tmp_path / "anchors")]
    async with open_log(database_url, tmp_path / "keys", places=places) as log:
        await filled(log, places, "a", "b", "c")
    await cut_back(database_url, 9)
    with pytest.raises(BehindAnchorError) as refused:
        async with open_log(database_url, tmp_path / "keys", places=places):
            pass
    said = re.sub(r"countersign\.local/log/\w+", "the log", str(refused.value).replace(str(tmp_path), ""))
    FOUND[OLD_BACKUP] = f"refused: {said}"


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
        FOUND[ANEW] = f"what is new is there, {log.writer.size} entries; what is old is there once"


def test_the_page_says_what_came_of_it() -> None:
    lines = [f"| {attempt} | {FOUND[attempt]} |" for attempt in ATTEMPTS if attempt in FOUND]
    if os.environ.get(WRITE):
        text = PAGE.read_text(encoding="utf-8")
        before, after = text.partition(BEGIN)[0], text.partition(END)[2]
        head = ["| done to a log that runs | what comes of it |", "|---|---|"]
        PAGE.write_text(before + "\n".join([BEGIN, "", *head, *lines, "", END]) + after, encoding="utf-8")
    told = PAGE.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0]
    rows = [line for line in told.splitlines() if line.startswith("| ")][1:]
    assert [line.split(" | ")[0].removeprefix("| ") for line in rows] == list(ATTEMPTS)
    # Alone this test has found nothing yet.
    assert set(lines) <= set(rows)


async def test_a_service_ends_as_it_was_to_though_the_database_takes_no_last_signature(
    database_url: str, tmp_path: Path
) -> None:
    async with open_log(database_url, tmp_path / "keys", clock=lambda: START) as log:
        await log.add(one_case("c-1", number=1))
        assert log.writer.unsigned
        # A full disk refuses it in the same way.
        await log.rows("ALTER TABLE checkpoints ADD CONSTRAINT no_room CHECK (size < 0) NOT VALID")
    connection = await asyncpg.connect(database_url, server_settings={"search_path": SCHEMA})
    await connection.execute("ALTER TABLE checkpoints DROP CONSTRAINT no_room")
    await connection.close()
    async with open_log(database_url, tmp_path / "keys") as log:
        await log.writer.sign_tail()
        assert (log.writer.unsigned, (await log.verify()).ok) == (0, True)

"""A backup brings erased data back: requests that the topics still hold are carried out once more, in the log too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import asyncpg

from countersign_audit.app import log_handler
from countersign_audit.custody.anchors import Anchoring, DirectoryPlace
from countersign_audit.custody.recovery import recover
from countersign_audit.erasing.carrying_out import SERVICES
from countersign_audit.store import SCHEMA
from countersign_shared.messaging import Record, unpack_headers
from tests.integration.audit.log import Log, SteppingClock, open_log, settings
from tests.integration.audit.reading import API, reading
from tests.integration.audit.test_audit_anchors import cut_back
from tests.integration.audit.test_audit_erasure import KEY, confirmed, eraser, payloads_of
from tests.unit.audit.records import one_case


async def announced(log: Log) -> list[Record]:
    """Return what was published so far."""
    return [
        Record(row["topic"], 3, 50 + at, 1, row["key"], row["body"], unpack_headers(row["headers"]))
        for at, row in enumerate(await log.rows("SELECT * FROM outbox ORDER BY id"))
    ]


async def asked(log: Log) -> tuple[dict[str, Any], list[Record]]:
    async with reading(log) as client:
        answer = await client.post(f"{API}/erasures", json={"case_id": "a", "legal_basis": "x"}, headers=KEY)
    return answer.json(), await announced(log)


async def restored(database_url: str, size: int) -> None:
    await cut_back(database_url, size)
    connection = await asyncpg.connect(database_url, server_settings={"search_path": SCHEMA})
    await connection.execute("ALTER TABLE erasures DISABLE TRIGGER ALL")
    await connection.execute("DELETE FROM erasures")
    await connection.execute("ALTER TABLE erasures ENABLE ALWAYS TRIGGER append_only")
    await connection.execute("DELETE FROM outbox")
    await connection.close()


async def test_what_a_restored_log_forgot_to_erase_is_erased_once_it_is_delivered_again(
    database_url: str, tmp_path: Path
) -> None:
    keys, places = tmp_path / "keys", [DirectoryPlace(tmp_path / "anchors")]
    async with open_log(database_url, keys, places=places) as log:
        await log.add(one_case("a"))
        state, requests = await asked(log)
        await log.add(requests)
        await log.writer.sign_tail()
        await Anchoring(log.pool, places, SteppingClock()).anchor()
    await restored(database_url, 5)
    await recover(settings(database_url, keys), places, SteppingClock())
    async with open_log(database_url, keys, places=places) as log:
        log.handler = log_handler(log.writer, log.pool, log.metrics, SteppingClock())
        await log.add(requests)
        await log.add(requests)
        await confirmed(log, state, *SERVICES)
        assert await eraser(log).work() == 1
        assert await payloads_of(log, "a") == 0
        report = await log.verify()
        assert report.ok, [str(one) for one in report.findings]


async def test_nobody_has_a_log_erase_that_was_never_restored(database_url: str, tmp_path: Path) -> None:
    async with open_log(database_url, tmp_path / "keys") as log:
        await log.add(one_case("a"))
        state, requests = await asked(log)
    await restored(database_url, 5)
    async with open_log(database_url, tmp_path / "keys") as log:
        log.handler = log_handler(log.writer, log.pool, log.metrics, SteppingClock())
        await log.add(requests)
        await confirmed(log, state, *SERVICES)
        assert await eraser(log).work() == 0
        assert await payloads_of(log, "a") > 0

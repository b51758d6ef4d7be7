"""The service under a role that may add and read, and change nothing, as compose and the demo run it."""

from __future__ import annotations

import secrets
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from countersign_audit.custody.keys import add_epoch_key
from countersign_audit.erasing.carrying_out import SERVICES
from countersign_audit.prepare import prepare
from countersign_audit.watching.summing import sum_up_pages
from tests.integration.audit.log import open_log, verified
from tests.integration.audit.reading import API, reading, take_in_announcements
from tests.integration.audit.test_audit_erasure import KEY, confirmed, eraser
from tests.integration.audit.test_audit_upkeep import rewrapper
from tests.unit.audit.records import one_case

TABLES = (
    "entries", "payloads", "data_keys", "checkpoints", "tiles", "reads", "erasures", "erased", "reconciled",
    "records", "partitions", "epochs", "copies_checked",
)  # fmt: skip


async def test_audit_works_without_the_right_to_change_what_it_wrote(database_url: str, tmp_path: Path) -> None:
    role = f"audit_{secrets.token_hex(6)}"
    async with open_log(database_url, tmp_path / "keys") as log:
        await log.add(one_case("a"))
    admin = await asyncpg.connect(database_url)
    try:
        await admin.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'p'")
        await prepare(database_url, role)
        address = urlsplit(database_url)
        place = address.netloc.rpartition("@")[2]
        url = urlunsplit(address._replace(netloc=f"{role}:p@{place}"))
        add_epoch_key(tmp_path / "keys", secrets.token_bytes)
        async with open_log(url, tmp_path / "keys") as log, reading(log) as client:
            await log.add(one_case("b"))
            assert await rewrapper(log).work() == 1
            await sum_up_pages(log.pool)
            for table in TABLES:
                for statement in (
                    f"DELETE FROM {table}",
                    f"TRUNCATE {table}",
                    f"ALTER TABLE {table} DISABLE TRIGGER ALL",
                ):
                    with pytest.raises(asyncpg.InsufficientPrivilegeError):
                        await log.rows(statement)
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await log.rows("UPDATE entries SET leaf = ''")
            state = (
                await client.post(f"{API}/erasures", json={"case_id": "a", "legal_basis": "x"}, headers=KEY)
            ).json()
            await take_in_announcements(log)
            await confirmed(log, state, *SERVICES)
            assert await eraser(log).work() == 1
        report = await verified(database_url, tmp_path / "keys")
        assert report.ok, [str(one) for one in report.findings]
        assert report.payloads_erased >= 4
    finally:
        await admin.execute(f"DROP SCHEMA audit CASCADE; DROP OWNED BY {role}; DROP ROLE {role}, {role}_owner")
        await admin.close()

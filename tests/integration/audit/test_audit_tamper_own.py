"""Entries in which the log speaks about itself, and leaves that can hardly be read, altered by the database's owner."""

from __future__ import annotations

from pathlib import Path

import asyncpg
import pytest

from countersign_audit.domain.tree import leaf_hash
from countersign_audit.store import SCHEMA
from countersign_audit.verifying.database import local_verifier_key, verify_database
from countersign_audit.watching.checking import compared
from countersign_shared.errors import ConfigurationError, FatalError
from tests.integration.audit.log import open_log
from tests.unit.audit.records import one_case

DEEP = b'{"a": ' + b"[" * 20_000 + b"]" * 20_000 + b"}"
UNREADABLE = {
    "no text": b"\xff\xfe", "no JSON": b"{", "a list": b"[]", "depths": DEEP,
    "a key that is none": b'{"kind":"log.genesis","schema":"countersign.audit.leaf/1","verifier_key":"x"}',
}  # fmt: skip


@pytest.mark.parametrize("leaf", UNREADABLE.values(), ids=UNREADABLE.keys())
@pytest.mark.parametrize("victim", [0, 3])
async def test_what_cannot_be_read_is_named_and_ends_no_verification(
    database_url: str, tmp_path: Path, leaf: bytes, victim: int
) -> None:
    keys = tmp_path / "keys"
    async with open_log(database_url, keys) as log:
        await log.add(one_case("a"))
        (old,) = await log.rows("SELECT note FROM checkpoints ORDER BY size DESC LIMIT 1")
    vkey = await local_verifier_key(database_url, keys)
    connection = await asyncpg.connect(database_url, server_settings={"search_path": SCHEMA})
    await connection.execute("ALTER TABLE entries DISABLE TRIGGER ALL")
    await connection.execute(
        "UPDATE entries SET leaf = $2, leaf_hash = $3, kind = 'log.genesis' WHERE index = $1", victim, leaf,
        leaf_hash(leaf),
    )  # fmt: skip
    *_, stretch = [one async for one in compared(connection.fetch, 0)]
    # A key that is none is for verification; the columns beside it are as they should be.
    if b"verifier_key" not in leaf:
        assert stretch.differing == [(victim, "its leaf cannot be read")]
    await connection.close()
    report = await verify_database(database_url, vkey, keys_dir=keys, old_checkpoint=old["note"])
    assert report.first_bad is not None
    assert report.first_bad.index == victim
    with pytest.raises(ConfigurationError, match="--vkey"):
        await local_verifier_key(database_url, keys)
    with pytest.raises(FatalError, match="countersign audit verify"):
        async with open_log(database_url, keys):
            pass

"""Whoever owns the database can change anything; verification names the entry they changed."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import asyncpg
import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from countersign_audit.custody.keys import LogKeys, load_keys
from countersign_audit.domain.note import Checkpoint, NoteError, signed_note
from countersign_audit.domain.tree import Frontier, leaf_hash
from countersign_audit.encoding import encode
from countersign_audit.store import SCHEMA
from countersign_audit.verifying.database import Report, local_verifier_key, verify_database
from countersign_shared.errors import ConfigurationError
from tests.integration.audit.log import open_log, verified
from tests.unit.audit.records import one_case

BATCHES = 6
SIZE = 1 + BATCHES * 4
VICTIM = 10
"""The second entry of the third batch, whose checkpoint covers 9 to 12."""

Tamper = Callable[[Any], Awaitable[None]]


@pytest.fixture
async def tampering(database_url: str, tmp_path: Path) -> Any:
    """Give a finished log, a superuser's connection to it with every trigger off, and the keys."""
    async with open_log(database_url, tmp_path / "keys") as log:
        for number in range(BATCHES):
            await log.add(one_case(f"case-{number}", number=number))
    connection = await asyncpg.connect(database_url, server_settings={"search_path": SCHEMA})
    for table in ("entries", "records", "payloads", "data_keys", "checkpoints"):
        await connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
    yield connection, database_url, tmp_path / "keys"
    await connection.close()


async def flip(connection: Any) -> None:
    leaf = await leaf_of(connection, VICTIM)
    await connection.execute("UPDATE entries SET leaf = $2 WHERE index = $1", VICTIM, altered(leaf))


async def flip_and_hash(connection: Any) -> None:
    leaf = altered(await leaf_of(connection, VICTIM))
    await connection.execute(
        "UPDATE entries SET leaf = $2, leaf_hash = $3 WHERE index = $1", VICTIM, leaf, leaf_hash(leaf)
    )


async def drop(connection: Any) -> None:
    await connection.execute("DELETE FROM entries WHERE index = $1", VICTIM)


async def drop_and_close_up(connection: Any) -> None:
    for table in ("entries", "payloads"):
        await connection.execute(f"DELETE FROM {table} WHERE index = $1", VICTIM)
        await connection.execute(f"UPDATE {table} SET index = -index WHERE index > $1", VICTIM)
        await connection.execute(f"UPDATE {table} SET index = -index - 1 WHERE index < 0")


async def swap(connection: Any) -> None:
    for table in ("entries", "payloads"):
        await connection.execute(f"UPDATE {table} SET index = -1 WHERE index = $1", VICTIM)
        await connection.execute(f"UPDATE {table} SET index = $1 WHERE index = $1 + 1", VICTIM)
        await connection.execute(f"UPDATE {table} SET index = $1 + 1 WHERE index = -1", VICTIM)


async def insert(connection: Any) -> None:
    for table in ("entries", "payloads"):
        await connection.execute(f"UPDATE {table} SET index = -index WHERE index >= $1", VICTIM)
        await connection.execute(f"UPDATE {table} SET index = -index + 1 WHERE index < 0")
    leaf = encode({"schema": "countersign.audit.leaf/1", "kind": "user.added", "actor": {"kind": "person", "id": "x"}})
    await connection.execute(
        "INSERT INTO entries (index, leaf, leaf_hash, record_id, kind, actor) VALUES ($1, $2, $3, $4, $5, $6)",
        VICTIM, leaf, leaf_hash(leaf), b"r" * 16, "user.added", "x",
    )  # fmt: skip


async def truncate_entries(connection: Any) -> None:
    await connection.execute("DELETE FROM entries WHERE index >= $1", VICTIM)


async def change_a_column(connection: Any) -> None:
    await connection.execute("UPDATE entries SET tenant = 'other' WHERE index = $1", VICTIM)


async def change_a_payload(connection: Any) -> None:
    await connection.execute(
        "UPDATE payloads SET sealed = set_byte(sealed, 40, 255 - get_byte(sealed, 40)) WHERE index = $1", VICTIM
    )


async def swap_payloads(connection: Any) -> None:
    await connection.execute(
        "UPDATE payloads AS p SET sealed = o.sealed FROM payloads AS o WHERE p.index = $1 AND o.index = $1 + 1", VICTIM
    )


async def remove_a_payload(connection: Any) -> None:
    await connection.execute("DELETE FROM payloads WHERE index = $1", VICTIM)


async def sign_with_another_key(connection: Any) -> None:
    await re_signed(connection, Ed25519PrivateKey.from_private_bytes(b"z" * 32), None)


EXACT = (flip, drop, change_a_column)
ONLY_WITH_KEYS = (flip_and_hash, swap_payloads, change_a_payload, remove_a_payload)


def altered(leaf: bytes) -> bytes:
    changed = re.sub(rb'"confidence_ppm":\d+', b'"confidence_ppm":999999', leaf)
    assert changed != leaf
    return changed


async def leaf_of(connection: Any, index: int) -> bytes:
    return bytes(await connection.fetchval("SELECT leaf FROM entries WHERE index = $1", index))


async def re_signed(connection: Any, signing: Ed25519PrivateKey, keys: LogKeys | None) -> None:
    """Hash the tree again and sign every checkpoint again, as the holder of a key could."""
    origin = orjson.loads(await leaf_of(connection, 0))["origin"]
    key = (keys or LogKeys(signing, b"p" * 32, {1: b"e" * 32})).verifier_key(origin)
    rows = await connection.fetch("SELECT leaf FROM entries ORDER BY index")
    sizes = {row[0] for row in await connection.fetch("SELECT size FROM checkpoints")}
    frontier = Frontier()
    for row in rows:
        frontier.append(leaf_hash(row["leaf"]))
        if frontier.size in sizes:
            note = signed_note(Checkpoint(origin, frontier.size, frontier.root()), key, signing.sign)
            await connection.execute(
                "UPDATE checkpoints SET root = $2, note = $3, frontier = $4 WHERE size = $1",
                frontier.size, frontier.root(), note, frontier.pack(),
            )  # fmt: skip


def named(report: Report) -> int:
    assert not report.ok
    assert report.first_bad is not None
    return report.first_bad.index


async def test_an_untouched_log_verifies_with_and_without_its_keys(tampering: Any) -> None:
    _, database_url, keys = tampering
    seen: list[tuple[int, int]] = []
    report = await verified(database_url, keys, progress=lambda done, total: seen.append((done, total)))
    assert report.ok
    assert (report.entries, report.payloads_opened, seen[-1]) == (SIZE, SIZE - 1, (SIZE, SIZE))
    report = await verified(database_url, keys, with_keys=False)
    assert report.ok
    assert (report.payloads_opened, report.payloads_without_key) == (0, SIZE - 1)


@pytest.mark.parametrize("tamper", [*EXACT, *ONLY_WITH_KEYS], ids=lambda tamper: tamper.__name__)
async def test_the_changed_entry_is_named(tampering: Any, tamper: Tamper) -> None:
    connection, database_url, keys = tampering
    await tamper(connection)
    assert named(await verified(database_url, keys)) == VICTIM


@pytest.mark.parametrize("tamper", EXACT, ids=lambda tamper: tamper.__name__)
async def test_the_changed_entry_is_named_by_who_has_nothing_but_the_verifier_key(
    tampering: Any, tamper: Tamper
) -> None:
    connection, database_url, keys = tampering
    key = await local_verifier_key(database_url, keys)
    await tamper(connection)
    assert named(await verify_database(database_url, key)) == VICTIM


async def test_a_change_that_fits_its_hash_is_narrowed_down_to_one_checkpoint(tampering: Any) -> None:
    connection, database_url, keys = tampering
    await flip_and_hash(connection)
    report = await verified(database_url, keys, with_keys=False)
    assert [(finding.index, finding.last_index) for finding in report.findings] == [(9, 12)]
    assert str(report.first_bad).startswith("entries 9 to 12: do not hash to the root that was signed over 13 entries")
    assert report.size == 9


@pytest.mark.parametrize("tamper", [drop_and_close_up, swap, insert], ids=lambda tamper: tamper.__name__)
@pytest.mark.parametrize("with_keys", [True, False])
async def test_moving_entries_about_is_found_where_it_begins(tampering: Any, tamper: Tamper, with_keys: bool) -> None:
    connection, database_url, keys = tampering
    await tamper(connection)
    report = await verified(database_url, keys, with_keys=with_keys)
    assert 9 <= named(report) <= VICTIM


async def test_entries_cut_off_the_end_are_missed_by_their_checkpoint(tampering: Any) -> None:
    connection, database_url, keys = tampering
    await truncate_entries(connection)
    report = await verified(database_url, keys)
    assert named(report) == VICTIM
    assert "missing; a checkpoint was signed over 13 entries" in str(report.first_bad)


async def test_a_signature_of_another_key_is_refused(tampering: Any) -> None:
    connection, database_url, keys = tampering
    key = await local_verifier_key(database_url, keys)
    await sign_with_another_key(connection)
    report = await verify_database(database_url, key, keys_dir=keys)
    assert named(report) == 0
    assert "no signature of" in report.findings[0].what


@pytest.mark.parametrize("with_keys", [True, False])
async def test_signing_again_with_the_true_key_is_found_against_an_old_checkpoint(
    tampering: Any, with_keys: bool
) -> None:
    connection, database_url, keys = tampering
    old = bytes(await connection.fetchval("SELECT note FROM checkpoints WHERE size = 21"))
    await flip_and_hash(connection)
    held = load_keys(keys)
    await re_signed(connection, held.signing, held)
    if not with_keys:
        # Alone, the log now looks intact: that is what checkpoints kept elsewhere are for.
        assert (await verified(database_url, keys, with_keys=False)).ok
    report = await verified(database_url, keys, with_keys=with_keys, old_checkpoint=old)
    assert any("rewritten since the old checkpoint over 21 entries" in finding.what for finding in report.findings)


async def test_a_log_rolled_back_is_found_against_an_old_checkpoint(tampering: Any) -> None:
    connection, database_url, keys = tampering
    old = bytes(await connection.fetchval("SELECT note FROM checkpoints WHERE size = 21"))
    await connection.execute("DELETE FROM entries WHERE index >= 13")
    await connection.execute("DELETE FROM records WHERE index >= 13")
    await connection.execute("DELETE FROM checkpoints WHERE size > 13")
    assert (await verified(database_url, keys)).ok
    report = await verified(database_url, keys, old_checkpoint=old)
    assert named(report) == 13
    assert "the old checkpoint covers 21 entries" in report.findings[0].what


async def test_columns_beside_a_checkpoint_are_checked(tampering: Any) -> None:
    connection, database_url, keys = tampering
    await connection.execute("UPDATE checkpoints SET root = decode(repeat('00', 32), 'hex') WHERE size = 13")
    report = await verified(database_url, keys)
    assert named(report) == 12
    assert "columns beside the checkpoint over 13" in report.findings[0].what


async def test_a_log_without_checkpoints_or_genesis_is_not_believed(tampering: Any) -> None:
    connection, database_url, keys = tampering
    key = await local_verifier_key(database_url, keys)
    await connection.execute("DELETE FROM checkpoints")
    assert named(await verify_database(database_url, key)) == 0
    await connection.execute("UPDATE entries SET leaf = $1, leaf_hash = $2 WHERE index = 0", b"{}", leaf_hash(b"{}"))
    assert "profile" in (await verify_database(database_url, key)).findings[0].what
    await connection.execute("DELETE FROM entries")
    with pytest.raises(ConfigurationError, match="empty"):
        await local_verifier_key(database_url, keys)


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("DELETE FROM records WHERE index = 10", "could be entered again"),
        ("UPDATE records SET index = 3 WHERE index = 10", "could be entered again"),
        ("INSERT INTO records VALUES (decode('00', 'hex'), 999)", "would pass for a repeat"),
    ],
)
async def test_names_of_records_are_those_of_the_entries(tampering: Any, statement: str, said: str) -> None:
    connection, database_url, keys = tampering
    await connection.execute(statement)
    report = await verified(database_url, keys, with_keys=False)
    assert said in str(report.first_bad)


async def test_many_faults_stop_the_search_early(tampering: Any) -> None:
    connection, database_url, keys = tampering
    await connection.execute("UPDATE entries SET tenant = 'other' WHERE index > 0")
    report = await verified(database_url, keys)
    assert len(report.findings) == 20
    assert named(report) == 1


async def test_bad_arguments_are_said(tampering: Any) -> None:
    _, database_url, keys = tampering
    key = await local_verifier_key(database_url, keys)
    with pytest.raises(NoteError):
        await verify_database(database_url, "nonsense")
    with pytest.raises(NoteError):
        await verify_database(database_url, key, old_checkpoint=b"nonsense\n")
    with pytest.raises(ConfigurationError, match="PostgreSQL does not answer"):
        await verify_database("postgresql://nobody@127.0.0.1:1/none", key)

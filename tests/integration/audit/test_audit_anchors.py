"""Checkpoints kept outside the database: an older or another state of the log is never written to."""

from __future__ import annotations

import shutil
from pathlib import Path

import asyncpg
import pytest

from countersign_audit.custody.anchored import BehindAnchorError
from countersign_audit.custody.anchors import Anchoring, DirectoryPlace, TopicPlace
from countersign_audit.custody.keys import load_keys, verify_signature
from countersign_audit.custody.recovery import NotBehindError, recover
from countersign_audit.domain.note import open_note, parse_verifier_key
from countersign_audit.store import SCHEMA
from countersign_audit.verifying.database import local_verifier_key, verify_database
from countersign_shared.errors import ConfigurationError
from countersign_shared.messaging import Message, Record
from tests.integration.audit.log import Log, SteppingClock, open_log, settings, verified
from tests.unit.audit.records import one_case


class Topic:
    """What the topic of checkpoints is to the log: records, and the end of them."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    async def publish(self, messages: list[Message]) -> None:
        self.records += [
            Record(one.topic, 0, len(self.records), 0, one.key, one.value, one.headers) for one in messages
        ]

    async def read_last(self, topic: str, count: int) -> list[Record]:
        assert topic == "checkpoint.signed"
        return self.records[-count:]


@pytest.fixture
def places(tmp_path: Path) -> list[DirectoryPlace | TopicPlace]:
    topic = Topic()
    return [TopicPlace(topic.publish, topic.read_last), DirectoryPlace(tmp_path / "anchors")]


async def cut_back(database_url: str, size: int) -> None:
    """Bring the database back to an older state, as its backup would."""
    connection = await asyncpg.connect(database_url, server_settings={"search_path": SCHEMA})
    try:
        for table in ("entries", "records", "payloads", "data_keys", "checkpoints", "tiles"):
            await connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
        await connection.execute("DELETE FROM payloads WHERE index >= $1", size)
        await connection.execute("DELETE FROM entries WHERE index >= $1", size)
        await connection.execute("DELETE FROM records WHERE index >= $1", size)
        await connection.execute(
            "DELETE FROM data_keys AS k WHERE NOT EXISTS (SELECT FROM entries AS e JOIN payloads AS p USING (index)"
            " WHERE e.case_ref = k.scope AND p.key_number = k.number)"
        )
        await connection.execute("DELETE FROM checkpoints WHERE size > $1", size)
        for table in ("entries", "records", "payloads", "data_keys", "checkpoints", "tiles"):
            await connection.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER append_only")
    finally:
        await connection.close()


async def filled(log: Log, places: list, *cases: str) -> None:
    for case in cases:
        await log.add(one_case(case))
        await Anchoring(log.pool, places, SteppingClock()).anchor()


async def test_the_newest_checkpoint_is_kept_everywhere_and_one_an_hour_for_good(
    database_url: str, tmp_path: Path, places: list
) -> None:
    async with open_log(database_url, tmp_path / "keys", places=places) as log:
        await filled(log, places, "a", "b")
        (newest,) = await log.rows("SELECT note FROM checkpoints ORDER BY size DESC LIMIT 1")
    assert (tmp_path / "anchors" / "checkpoint").read_bytes() == newest["note"]
    (hourly,) = (tmp_path / "anchors" / "checkpoints").iterdir()
    assert b"\n5\n" in hourly.read_bytes()
    assert (await places[0].notes())[-1] == newest["note"]
    async with open_log(database_url, tmp_path / "keys", places=places) as log:
        await filled(log, places, "c")


@pytest.mark.parametrize("which", [0, 1], ids=["topic", "directory"])
async def test_a_database_behind_its_anchor_is_not_written_to(
    database_url: str, tmp_path: Path, places: list, which: int
) -> None:
    kept = places[which : which + 1]
    async with open_log(database_url, tmp_path / "keys", places=kept) as log:
        await filled(log, kept, "a", "b", "c")
    await cut_back(database_url, 9)
    with pytest.raises(BehindAnchorError, match=r"holds 9 entries .* but 13 were signed .*countersign audit recover"):
        async with open_log(database_url, tmp_path / "keys", places=kept):
            pass
    connection = await asyncpg.connect(database_url, server_settings={"search_path": SCHEMA})
    assert await connection.fetchval("SELECT count(*) FROM entries") == 9
    await connection.close()


async def test_a_log_that_was_rewritten_and_grew_past_its_anchor_is_not_written_to(
    database_url: str, tmp_path: Path, places: list
) -> None:
    async with open_log(database_url, tmp_path / "keys", places=places) as log:
        await filled(log, places, "a", "b", "c")
    await cut_back(database_url, 9)
    async with open_log(database_url, tmp_path / "keys") as log:  # somebody goes on without looking
        await filled(log, [], "d", "e", "f")
    with pytest.raises(BehindAnchorError, match="first 13 entries are not those that were signed"):
        async with open_log(database_url, tmp_path / "keys", places=places):
            pass


async def test_an_empty_database_is_no_new_log_for_a_key_that_has_signed_one(
    database_url: str, tmp_path: Path, places: list
) -> None:
    async with open_log(database_url, tmp_path / "keys", places=places) as log:
        await filled(log, places, "a")
    connection = await asyncpg.connect(database_url)
    await connection.execute(f"DROP SCHEMA {SCHEMA} CASCADE")
    await connection.close()
    with pytest.raises(BehindAnchorError, match="holds no log, but this key has signed 5 entries"):
        async with open_log(database_url, tmp_path / "keys", places=places):
            pass
    async with open_log(database_url, tmp_path / "other-keys", places=places) as log:
        await filled(log, [], "a")


async def test_what_others_put_into_a_place_is_no_anchor(database_url: str, tmp_path: Path, places: list) -> None:
    async with open_log(database_url, tmp_path / "keys", places=places) as log:
        await filled(log, places, "a")
    note = (tmp_path / "anchors" / "checkpoint").read_bytes()
    forged = note.replace(b"\n5\n", b"\n500\n")
    (tmp_path / "anchors" / "checkpoint").write_bytes(forged)
    (tmp_path / "anchors" / "checkpoints" / "9999-01-01T00.note").write_bytes(b"\xff junk")
    await places[0]._publish([Message("checkpoint.signed", 0, b"", b"junk", ())])
    await places[0]._publish([Message("checkpoint.signed", 0, b"", b'{"note": 7}', ())])
    async with open_log(database_url, tmp_path / "keys", places=places) as log:
        await filled(log, [], "b")


async def test_a_place_that_fails_is_tried_again_and_its_age_shows(
    database_url: str, tmp_path: Path, places: list
) -> None:
    clock = SteppingClock()
    async with open_log(database_url, tmp_path / "keys", places=places) as log:
        await log.add(one_case("a"))
        anchors = Anchoring(log.pool, places, clock)
        shutil.rmtree(tmp_path / "anchors")
        await anchors.anchor()
        assert anchors.age_seconds() > (clock.now - anchors.kept_at[places[0].name]).total_seconds()
        (tmp_path / "anchors" / "checkpoints").mkdir(parents=True)
        await anchors.anchor()
        assert (tmp_path / "anchors" / "checkpoint").exists()


async def test_a_directory_that_cannot_be_written_is_said_at_the_start(database_url: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"AUDIT_ANCHORS_DIR .* cannot be used"):
        async with open_log(database_url, tmp_path / "keys", places=[DirectoryPlace(tmp_path / "file" / "anchors")]):
            pass


async def test_a_new_signing_key_is_named_by_the_old_one_and_signs_from_there_on(
    database_url: str, tmp_path: Path, places: list
) -> None:
    keys = tmp_path / "keys"
    async with open_log(database_url, keys, places=places) as log:
        await filled(log, places, "a")
        origin = log.writer.origin
        old = load_keys(keys).verifier_key(origin)
    (keys / "signing.key").rename(keys / "signing-before.key")
    (keys / "signing.key").write_text("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE=\n", encoding="utf-8")
    (keys / "signing.key").chmod(0o600)
    assert await local_verifier_key(database_url, keys) == old.text()
    async with open_log(database_url, keys, places=places) as log:
        # Both sign over the entry that names the new one: it may be the newest for hours.
        note = (await log.rows("SELECT note FROM checkpoints ORDER BY size DESC LIMIT 1"))[0][0]
        new = parse_verifier_key(await local_verifier_key(database_url, keys))
        assert open_note(note, old, verify_signature) == open_note(note, new, verify_signature)
        await filled(log, places, "b")
        assert await log.rows("SELECT index, kind FROM entries WHERE kind LIKE 'log.%' ORDER BY index") == [
            (0, "log.genesis"), (5, "log.key_rotated"),
        ]  # fmt: skip
        assert new == load_keys(keys).verifier_key(origin) != old
    report = await verified(database_url, keys)
    assert report.ok, [str(one) for one in report.findings]
    (keys / "signing-before.key").unlink()
    async with open_log(database_url, keys, places=places) as log:
        await filled(log, places, "c")
    report = await verified(database_url, keys, old_checkpoint=(await places[0].notes())[0])
    assert report.ok, [str(one) for one in report.findings]
    # Nobody without the old key brings in another one.
    (keys / "signing.key").write_text("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAI=\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="countersign audit rotate"):
        async with open_log(database_url, keys, places=places):
            pass


async def test_a_log_that_lost_entries_goes_on_under_another_name_and_says_what_was_lost(
    database_url: str, tmp_path: Path, places: list
) -> None:
    keys = tmp_path / "keys"
    async with open_log(database_url, keys, places=places) as log:
        await filled(log, places, "a", "b", "c")
        began_as = log.writer.origin
    (lost,) = {note for place in places for note in await place.notes() if b"\n13\n" in note}
    earlier = (tmp_path / "anchors" / "checkpoints").iterdir().__next__().read_bytes()
    await cut_back(database_url, 9)
    recovered = await recover(settings(database_url, keys), places, SteppingClock())
    assert (recovered.size, recovered.lost_until) == (9, 13)
    assert parse_verifier_key(recovered.verifier_key).name == f"{began_as}/from-9"
    async with open_log(database_url, keys, places=places) as log:
        # Delivered once more: what the log still knows adds nothing, what it lost comes under new indices.
        await filled(log, places, "a", "b", "c")
        assert log.writer.size == 14
        with pytest.raises(ConfigurationError, match="another audit service"):
            await recover(settings(database_url, keys), places, SteppingClock())
    with pytest.raises(NotBehindError, match="the log has 14 entries"):
        await recover(settings(database_url, keys), places, SteppingClock())
    report = await verified(database_url, keys, old_checkpoint=earlier)
    assert report.ok, [str(one) for one in report.findings]
    assert await local_verifier_key(database_url, keys) == recovered.verifier_key
    report = await verified(database_url, keys, old_checkpoint=lost)
    assert [str(one) for one in report.findings] == [
        "entries 9 to 12: do not fit the old checkpoint over 13 entries: they were lost, as entry 9 says"
    ]
    report = await verify_database(database_url, recovered.previous_verifier_key)
    assert "another key signs" in str(report.first_bad)

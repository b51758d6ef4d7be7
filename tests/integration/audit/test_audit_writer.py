"""The writer on a real database: every record once, each case a chain of its own, nothing in the clear."""

from __future__ import annotations

import asyncio
from pathlib import Path

import asyncpg
import orjson
import pytest

from countersign_audit.custody.keys import load_keys, verify_signature
from countersign_audit.domain.note import open_note
from countersign_audit.domain.tree import Frontier, leaf_hash
from countersign_audit.store import SCHEMA
from countersign_audit.writing import scopes
from countersign_audit.writing.copying import ROWS_AT_ONCE
from countersign_shared.messaging import Record
from tests.integration.audit.log import TABLES, Log, open_log
from tests.unit.audit.records import all_examples, example, from_example, letter, one_case, record

TABLE_KEYS = {"data_keys": "scope, number", "reads": "scope, sequence"}


async def test_an_empty_log_begins_with_its_genesis_under_a_signed_checkpoint(log: Log) -> None:
    (row,) = await log.rows("SELECT * FROM entries")
    genesis = orjson.loads(row["leaf"])
    assert genesis["kind"] == "log.genesis"
    assert genesis["origin"] == log.writer.origin
    key = load_keys(log.keys_dir).verifier_key(log.writer.origin)
    assert genesis["verifier_key"] == key.text()
    (checkpoint,) = await log.rows("SELECT * FROM checkpoints")
    assert open_note(checkpoint["note"], key, verify_signature).root == leaf_hash(row["leaf"])


async def test_every_topic_and_kind_is_appended_in_order_and_verifies(log: Log) -> None:
    records = [from_example(path, offset) for offset, (path, _) in enumerate(all_examples())]
    records += [letter(records[0]), Record("case.created", 0, 900, 1, None, b"\x00\xff{", ())]
    for at in range(0, len(records), 20):
        await log.add(records[at : at + 20])
    rows = await log.rows("SELECT index, leaf, leaf_hash FROM entries ORDER BY index")
    assert [row["index"] for row in rows] == list(range(len(records) + 1))
    frontier = Frontier()
    for row in rows:
        frontier.append(leaf_hash(row["leaf"]))
    report = await log.verify()
    assert report.ok, [str(finding) for finding in report.findings]
    assert (report.entries, report.size, report.unsigned) == (len(rows), len(rows), 0)
    assert report.root == frontier.root().hex()
    assert report.payloads_opened == len(records)
    assert report.checkpoints == (len(records) + 19) // 20 + 1


async def test_redelivery_adds_nothing(log: Log) -> None:
    records = [one for number in range(30) for one in one_case(f"c-{number}", number=number)]
    records += [Record("case.created", 0, 900, 1, None, b"\x00\xff{", ()), letter(records[0])]
    await log.add(records)
    before = await log.rows("SELECT * FROM entries ORDER BY index")
    await log.add(records)
    await log.add(records[17:40])
    # The same event again on another partition, at another offset, with another trace.
    repeat = record(
        "case.created", records[0].value or b"", event_id=(records[0].header("ce_id") or b"").decode(), partition=9,
        offset=77, traceparent=b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    )  # fmt: skip
    repeat_headers = tuple(
        (name, (records[0].header(name) or b"") if name.startswith("ce_") else value) for name, value in repeat.headers
    )
    await log.add([Record("case.created", 9, 77, 5, None, repeat.value, repeat_headers)])
    assert await log.rows("SELECT * FROM entries ORDER BY index") == before
    assert (await log.verify()).ok


async def test_repeats_within_a_batch_and_across_a_restart_add_nothing(database_url: str, tmp_path: Path) -> None:
    records = one_case()
    async with open_log(database_url, tmp_path / "keys") as log:
        await log.add([*records, *records])
        assert await log.count() == 5
    async with open_log(database_url, tmp_path / "keys") as log:
        await log.add(records)
        assert await log.count() == 5
        await log.add(one_case("other"))
        assert await log.count() == 9
        assert (await log.verify()).ok


async def test_the_same_id_with_other_bytes_is_an_alarm_and_an_entry_of_its_own(
    log: Log, caplog: pytest.LogCaptureFixture
) -> None:
    first = record("case.created", example("case.created/refund.json"), event_id="same")
    second = record("case.created", example("case.created/refund.json") | {"title": "another"}, event_id="same")
    third = record("case.created", b"not json", event_id="same")
    await log.add([first])
    await log.add([second, first, second, third])
    await log.add([second, third])
    rows = await log.rows("SELECT index, leaf FROM entries ORDER BY index")
    said = [orjson.loads(row["leaf"]) for row in rows[1:]]
    assert [leaf.get("conflict_with") for leaf in said] == [None, 1, 1]
    assert [leaf["kind"] for leaf in said] == ["case.created", "case.created", "log.unreadable"]
    assert b"countersign_audit_conflicts_total 2.0" in log.metrics.exposition()
    # Whoever is paged looks for this line: it names the record.
    assert sum("conflict: case.created id=same " in message for message in caplog.messages) == 2
    assert (await log.verify()).ok


async def test_a_conflict_within_one_batch_names_the_entry_it_conflicts_with(log: Log) -> None:
    first = record("case.created", example("case.created/refund.json"), event_id="same")
    second = record("case.created", example("case.created/refund.json") | {"title": "another"}, event_id="same")
    await log.add([first, second])
    said = orjson.loads((await log.rows("SELECT leaf FROM entries WHERE index = 2"))[0][0])
    assert said["conflict_with"] == 1


async def test_one_id_on_two_topics_is_two_events(log: Log) -> None:
    await log.add([record(path.split("/")[0], example(path), event_id="one") for path in
                   ("case.created/refund.json", "case.updated/withdrawn.json")])  # fmt: skip
    assert await log.count() == 3


async def test_entries_of_a_case_point_to_the_one_before_across_batches_and_restarts(
    database_url: str, tmp_path: Path
) -> None:
    records = one_case("a")
    async with open_log(database_url, tmp_path / "keys") as log:
        await log.add([records[0], *one_case("b"), records[1]])
        await log.add([records[2]])
    async with open_log(database_url, tmp_path / "keys") as log:
        await log.add([records[3]])
        ref = log.writer.names.case("default", "a")
        rows = await log.rows("SELECT index, leaf FROM entries WHERE case_ref = $1 ORDER BY index", ref)
        assert [row["index"] for row in rows] == [1, 6, 7, 8]
        assert [orjson.loads(row["leaf"]).get("previous") for row in rows] == [None, 1, 6, 7]
        keys = await log.rows("SELECT number FROM data_keys WHERE scope = $1", ref)
        assert [row["number"] for row in keys] == [1]


async def test_each_subject_of_a_case_has_a_key_and_two_tenants_share_nothing(log: Log) -> None:
    body = example("case.created/refund.json")
    await log.add([
        record("case.created", body | {"case_id": "x", "subject_ref": "one"}, event_id="1"),
        record("case.created", body | {"case_id": "x", "subject_ref": "two"}, event_id="2"),
        record("case.created", {**body, "case_id": "x", "subject_ref": None}, event_id="3"),
        record("case.created", body | {"case_id": "x", "subject_ref": "one", "tenant": "other"}, event_id="4"),
    ])  # fmt: skip
    leaves = [
        orjson.loads(row["leaf"]) for row in await log.rows("SELECT leaf FROM entries WHERE index > 0 ORDER BY index")
    ]
    assert [leaf["subject_key"][-1] for leaf in leaves] == ["1", "2", "1", "1"]
    assert leaves[0]["case"] == leaves[1]["case"] != leaves[3]["case"]


async def test_personal_data_is_nowhere_in_the_clear(log: Log) -> None:
    said = {
        "payload": {"name": "Featherstonehaugh"},
        "title": "F. Cholmondeley",
        "subject_ref": "ref-Marjoribanks",
        "submitted_by": "Beauchamp",
    }
    await log.add([record("case.created", example("case.created/loan_application.json") | said, event_id="1")])
    for table in TABLES:
        for row in await log.rows(f"SELECT * FROM {table}"):
            text = b" ".join(value if isinstance(value, bytes) else str(value).encode() for value in row.values())
            for name in (b"Featherstonehaugh", b"Cholmondeley", b"Marjoribanks", b"Beauchamp"):
                assert name not in text


@pytest.mark.parametrize("role", ["origin", "replica"])
async def test_nothing_can_be_changed_or_removed(log: Log, role: str) -> None:
    await log.add(one_case())
    columns = dict.fromkeys(TABLES, "index") | {"checkpoints": "size", "data_keys": "scope", "reads": "scope"}
    async with log.pool.acquire() as connection:
        await connection.execute(f"SET session_replication_role = {role}")
        for table, column in columns.items():
            unique = f"({TABLE_KEYS.get(table, column)})"
            for statement in (
                f"UPDATE {table} SET {column} = {column}",
                f"DELETE FROM {table}",
                f"DELETE FROM {table} WHERE false",
                f"TRUNCATE {table}",
                f"INSERT INTO {table} SELECT * FROM {table} ON CONFLICT {unique} DO UPDATE SET {column} = NULL",
            ):
                with pytest.raises(asyncpg.RestrictViolationError, match="append-only"):
                    await connection.execute(statement)
        await connection.execute("RESET session_replication_role")


async def test_a_damaged_data_key_does_not_stop_the_log(database_url: str, tmp_path: Path) -> None:
    async with open_log(database_url, tmp_path / "keys") as log:
        await log.add(one_case()[:2])
    connection = await asyncpg.connect(database_url, server_settings={"search_path": SCHEMA})
    await connection.execute("ALTER TABLE data_keys DISABLE TRIGGER ALL")
    await connection.execute("UPDATE data_keys SET wrapped = decode(repeat('00', 60), 'hex')")
    await connection.close()
    async with open_log(database_url, tmp_path / "keys") as log:
        await log.add(one_case())
        assert await log.count() == 5
        report = await log.verify()
        assert not report.ok
        assert report.first_bad is not None
        assert report.first_bad.index == 1


async def test_batches_handed_over_at_once_are_written_one_after_the_other(log: Log) -> None:
    await asyncio.gather(*(log.add(one_case(f"c-{number}")) for number in range(12)))
    assert await log.count() == 49
    assert (await log.verify()).ok


async def test_a_large_record_and_a_clock_in_the_future_are_entries_like_others(log: Log) -> None:
    body = example("case.created/refund.json")
    await log.add([
        record("case.created", body | {"title": "x" * 800_000}, event_id="large"),
        record("case.created", body, event_id="future", time="9999-12-31T23:59:59Z"),
        record("case.created", body, event_id="never", time="2026-02-30T00:00:00Z"),
        record("case.created", body, event_id="odd", time="yesterday"),
        Record("case.created", 0, 5, 2**62, None, b"{}", ()),
    ])  # fmt: skip
    rows = await log.rows("SELECT occurred_at, leaf FROM entries WHERE index > 0 ORDER BY index")
    assert [row["occurred_at"] is not None for row in rows] == [True, True, False, False, False]
    assert max(len(row["leaf"]) for row in rows) < 2_000
    assert (await log.verify()).ok


async def test_a_batch_refused_for_its_repeats_is_written_without_them_and_its_conflicts_are_named(log: Log) -> None:
    body = example("case.created/refund.json")
    first = record("case.created", body, event_id="same")
    await log.add([first])
    # Nothing was repeated so far, so this batch is written before anybody looks.
    assert not log.writer._repeats_likely
    second, third = (record("case.created", body | {"title": title}, event_id="same") for title in ("b", "c"))
    await log.add([*one_case("a"), second, third, first])
    assert log.writer._repeats_likely
    rows = await log.rows("SELECT leaf FROM entries WHERE index > 0 ORDER BY index")
    assert [orjson.loads(row["leaf"]).get("conflict_with") for row in rows] == [None, None, None, None, None, 1, 1]
    await log.add(one_case("b"))
    assert not log.writer._repeats_likely
    report = await log.verify()
    assert report.ok, [str(finding) for finding in report.findings]


async def test_cases_past_the_limit_are_forgotten_and_looked_up_again(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scopes, "MAX_SCOPES", 3)
    cases = [one_case(f"c-{number}", number=number) for number in range(8)]
    for step in range(4):
        # Topic by topic, as a backlog comes.
        await log.add([case[step] for case in cases])
        assert log.writer.cases_at_hand == 8
    rows = await log.rows("SELECT leaf FROM entries WHERE index > 0 ORDER BY index")
    said = [orjson.loads(row["leaf"]) for row in rows]
    assert [leaf.get("previous") for leaf in said] == [None] * 8 + list(range(1, 25))
    assert {leaf["subject_key"][-2:] for leaf in said} == {".1"}
    assert (await log.verify()).ok


async def test_more_rows_than_one_copy_takes_are_all_written(log: Log) -> None:
    records = [one for number in range(150) for one in one_case(f"c-{number}", number=number)]
    assert len(records) > 2 * ROWS_AT_ONCE
    await log.add(records)
    assert await log.count() == 601
    assert (await log.verify()).ok

"""Erasure in the log: keys and payloads of a case go, proofs stay, and nothing else may ever be deleted."""

from __future__ import annotations

import asyncio
import textwrap
from pathlib import Path

import asyncpg
import orjson
import pytest

from countersign_audit.custody.keys import load_keys
from countersign_audit.erasing import store as erasure_store
from countersign_audit.erasing.carrying_out import SERVICES, Eraser
from countersign_audit.reading.timeline import TimelineReader
from countersign_shared.messaging import Record, write_event
from countersign_shared.messaging.outbox import Outbox
from tests.integration.audit.log import Log, SteppingClock, open_log
from tests.integration.audit.reading import API, reading, take_in_announcements
from tests.unit.audit.records import one_case

KEY = {"Idempotency-Key": "k-1", "x-roles": "admin"}


def confirmation(service: str, erasure_id: str, case_id: str, *, source: str | None = None) -> Record:
    body = {
        "tenant": "default", "case_id": case_id, "decision_type": None, "subject_ref": None, "entity_id": None,
        "sequence": 1, "occurred_at": "2026-03-02T10:00:00Z", "kind": "erasure.completed",
        "actor": {"kind": "service", "pseudonym": service, "role": None},
        "body": {"erasure_id": erasure_id, "cases": [case_id], "service": service, "rows_blanked": 1},
    }  # fmt: skip
    message = write_event(
        "activity.recorded", event_id=f"{service}-{erasure_id}-{case_id}-{source}", case_id=case_id,
        source=source or f"/countersign/{service}/erasures", time="2026-03-02T10:00:00Z", body=orjson.dumps(body),
        partition=3,
    )  # fmt: skip
    return Record("activity.recorded", 3, 1, 1, message.key, message.value, message.headers)


def eraser(log: Log) -> Eraser:
    return Eraser(log.pool, log.writer, Outbox(), SteppingClock())


async def confirmed(log: Log, state: dict, *services: str) -> None:
    await log.add([
        confirmation(service, state["erasure_id"], case["case_id"]) for service in services for case in state["cases"]
    ])  # fmt: skip


async def payloads_of(log: Log, case_id: str) -> int:
    scope = TimelineReader(load_keys(log.keys_dir)).case_ref("default", case_id)
    rows = await log.rows("SELECT 1 FROM payloads JOIN entries USING (index) WHERE case_ref = $1", scope)
    return len(rows)


async def test_a_subjects_cases_are_erased_once_every_service_has_confirmed(database_url: str, tmp_path: Path) -> None:
    async with open_log(database_url, tmp_path / "keys") as log, reading(log) as client:
        await log.add([*one_case("a", number=1), *one_case("b", number=2)])
        subject = (await client.get(f"{API}/cases/a/timeline")).json()["subject_ref"]
        asked = {"subject_ref": subject, "legal_basis": "GDPR 17(1)(a)"}
        assert (
            await client.post(f"{API}/erasures", json=asked, headers=KEY | {"x-roles": "auditor"})
        ).status_code == 403
        answer = await client.post(f"{API}/erasures", json=asked, headers=KEY)
        assert answer.status_code == 202, answer.text
        state = answer.json()
        assert (await client.post(f"{API}/erasures", json=asked, headers=KEY)).json() == state
        assert "a" in {case["case_id"] for case in state["cases"]}
        await take_in_announcements(log)

        work = eraser(log)
        await confirmed(log, state, *sorted(SERVICES)[1:])
        # One is missing; that somebody else speaks in its name does not help.
        await log.add([confirmation(min(SERVICES), state["erasure_id"], "a", source="/countersign/router")])
        assert await work.work() == 0
        assert await payloads_of(log, "a") > 0
        await confirmed(log, state, min(SERVICES))
        before = await log.rows("SELECT * FROM entries ORDER BY index")
        assert await work.work() == len(state["cases"])
        assert await payloads_of(log, "a") == 0
        assert (await log.rows("SELECT * FROM entries ORDER BY index"))[: len(before)] == before
        state = (await client.get(f"{API}/erasures/{state['erasure_id']}")).json()
        assert state["complete"]
        report = await log.verify()
        assert report.ok, [str(one) for one in report.findings]
        assert report.payloads_erased >= 4

        timeline = (await client.get(f"{API}/cases/a/timeline")).json()
        assert {entry["payload"] for entry in timeline["entries"]} == {"erased"}
        assert all(entry["included"] for entry in timeline["entries"])
        found = await client.get(f"{API}/entries", params={"subject_ref": subject})
        assert found.json()["items"] == []


async def test_an_erasure_is_shown_to_who_sees_its_tenant(database_url: str, tmp_path: Path) -> None:
    async with open_log(database_url, tmp_path / "keys") as log, reading(log) as client:
        await log.add(one_case("a"))
        asked = {"case_id": "a", "legal_basis": "x"}
        state = (await client.post(f"{API}/erasures", json=asked, headers=KEY)).json()
        for tenants, status in (("elsewhere", 404), ("default", 200), ("*", 200)):
            answer = await client.get(f"{API}/erasures/{state['erasure_id']}", headers={"x-tenants": tenants})
            assert answer.status_code == status, tenants


async def test_nobody_takes_some_of_a_persons_cases_for_all(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_log(database_url, tmp_path / "keys") as log, reading(log) as client:
        monkeypatch.setattr(erasure_store, "MAX_CASES", 1)
        await log.add([*one_case("a", number=1, subject="s-1"), *one_case("b", number=2, subject="s-1")])
        asked = {"subject_ref": "s-1", "legal_basis": "x"}
        answer = await client.post(f"{API}/erasures", json=asked, headers=KEY)
        assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (409, "too_many_cases"), answer.text
        assert await log.rows("SELECT 1 FROM erasures") == []
        found = (await client.get(f"{API}/subjects", params={"subject_ref": "s-1"})).json()
        assert (found["complete"], len(found["cases"])) == (False, 1)


async def test_what_comes_in_later_is_erased_too_and_repeats_add_nothing(database_url: str, tmp_path: Path) -> None:
    async with open_log(database_url, tmp_path / "keys") as log, reading(log) as client:
        records = one_case("a")
        await log.add(records[:3])
        answer = await client.post(f"{API}/erasures", json={"case_id": "a", "legal_basis": "x"}, headers=KEY)
        state = answer.json()
        await confirmed(log, state, *SERVICES)
        work = eraser(log)
        assert await work.work() == 1
        size = log.writer.size
        await log.add(records[:3])
        assert log.writer.size == size
        await log.add(records[3:])  # was still on its way
        assert await payloads_of(log, "a") == 1
        assert await work.work() == 1
        assert await payloads_of(log, "a") == 0
        await take_in_announcements(log)  # that it is complete is on record, readable
        assert await work.work() == 0
        report = await log.verify()
        assert report.ok, [str(one) for one in report.findings]


async def test_who_looked_before_and_is_recorded_after_leaves_nothing_of_the_person(
    database_url: str, tmp_path: Path
) -> None:
    async with open_log(database_url, tmp_path / "keys") as log, reading(log) as client:
        await log.add(one_case("a", subject="s-1"))
        answer = await client.post(f"{API}/erasures", json={"case_id": "a", "legal_basis": "x"}, headers=KEY)
        await client.get(f"{API}/cases/a/timeline")  # announced with whom the case is about, and not yet in the log
        await confirmed(log, answer.json(), *SERVICES)
        work = eraser(log)
        assert await work.work() == 1
        await take_in_announcements(log)
        assert (await client.get(f"{API}/cases/a/timeline")).json()["subject_ref"] == "s-1"
        assert await work.work() == 1
        timeline = (await client.get(f"{API}/cases/a/timeline")).json()
        assert timeline["subject_ref"] is None
        assert "audit.read" in [entry["kind"] for entry in timeline["entries"]]
        assert (await client.get(f"{API}/subjects", params={"subject_ref": "s-1"})).status_code == 404
        assert await log.rows("SELECT 1 FROM data_keys WHERE subject IS NOT NULL") == []
        assert await work.work() == 0
        report = await log.verify()
        assert report.ok, [str(one) for one in report.findings]


async def test_erasures_that_nobody_confirms_do_not_keep_later_ones_waiting(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasure_store, "AT_ONCE", 2)
    async with open_log(database_url, tmp_path / "keys") as log, reading(log) as client:
        states = []
        for number, case in enumerate("abcde"):
            await log.add(one_case(case, number=number))
            asked = {"case_id": case, "legal_basis": "x"}
            states.append((await client.post(f"{API}/erasures", json=asked, headers=KEY)).json())
        await confirmed(log, states[3], *SERVICES)
        work = eraser(log)
        assert [await work.work() for _ in range(3)] == [0, 1, 0]
        # And whoever is confirmed at last has a turn again.
        await confirmed(log, states[0], *SERVICES)
        assert sum([await work.work() for _ in range(3)]) == 1
        assert [await payloads_of(log, case) > 0 for case in "abcde"] == [False, True, True, False, True]


async def test_nothing_is_deleted_that_nobody_asked_to_erase(database_url: str, tmp_path: Path) -> None:
    async with open_log(database_url, tmp_path / "keys") as log, reading(log) as client:
        await log.add(one_case("a"))
        scope = TimelineReader(load_keys(log.keys_dir)).case_ref("default", "a")
        with pytest.raises(asyncpg.RestrictViolationError, match="no erasure of this case is on record"):
            await log.rows("SELECT erase_case($1)", scope)
        for statement in ("DELETE FROM payloads", "DELETE FROM data_keys", "TRUNCATE erasures", "DELETE FROM erased"):
            with pytest.raises(asyncpg.RestrictViolationError, match="append-only"):
                await log.rows(statement)
        missing = await client.post(f"{API}/erasures", json={"case_id": "b", "legal_basis": "x"}, headers=KEY)
        assert missing.status_code == 404
        wrong = await client.post(f"{API}/erasures", json={"legal_basis": "x"}, headers=KEY)
        assert wrong.status_code == 422
        assert (await client.get(f"{API}/erasures/era-{'0' * 24}", headers=KEY)).status_code == 404
        # A payload that goes without an erasure on record is a finding.
        connection = await asyncpg.connect(database_url, server_settings={"search_path": "audit"})
        await connection.execute("ALTER TABLE payloads DISABLE TRIGGER ALL")
        await connection.execute("DELETE FROM payloads WHERE index = 2")
        await connection.close()
        report = await log.verify()
        assert "no erasure is on record" in str(report.first_bad)


async def in_files(connection: asyncpg.Connection, needle: bytes) -> set[str]:
    """Return the tables, in whose files on the disk these bytes are, whether a query can find them or not."""
    await connection.execute("CHECKPOINT")
    return {
        row["name"]
        for row in await connection.fetch(
            """
            SELECT oid::regclass::text AS name FROM pg_class
            WHERE pg_relation_filenode(oid) IS NOT NULL AND relkind IN ('r', 't')
              AND position($1 IN pg_read_binary_file(pg_relation_filepath(oid))) > 0
            """,
            needle,
        )
    }


async def test_what_the_runbook_says_takes_erased_keys_off_the_disk(database_url: str, tmp_path: Path) -> None:
    async with open_log(database_url, tmp_path / "keys") as log, reading(log) as client:
        await log.add([*one_case("a", number=1), *one_case("b", number=2)])
        scope = TimelineReader(load_keys(log.keys_dir)).case_ref("default", "a")
        key = (await log.rows("SELECT wrapped FROM data_keys WHERE scope = $1", scope))[0]["wrapped"]
        sealed = (await log.rows("SELECT sealed FROM payloads JOIN entries USING (index) WHERE case_ref = $1", scope))[
            0
        ][0]
        admin = await asyncpg.connect(database_url)
        await admin.execute("ANALYZE")
        state = (await client.post(f"{API}/erasures", json={"case_id": "a", "legal_basis": "x"}, headers=KEY)).json()
        await confirmed(log, state, *SERVICES)
        assert await eraser(log).work() == 1
        # Neither is in a row; the statistics have no samples of keys.
        assert await in_files(admin, key) == {"audit.data_keys"}
        assert "audit.payloads_0" in await in_files(admin, sealed[40:80])
        # What a transaction that was open keeps, such as the server's own upkeep, needs it again.
        async with asyncio.timeout(60):
            while await in_files(admin, key) or await in_files(admin, sealed[40:80]):
                for statement in runbook("erased-at-once.md", "pages").split(";\n"):
                    await admin.execute(statement)
        await admin.close()
        report = await log.verify()
        assert report.ok, [str(one) for one in report.findings]


def runbook(page: str, mark: str) -> str:
    """Return the first block of SQL after a mark in a runbook."""
    text = (
        (Path(__file__).parents[3] / "docs" / "runbooks" / page).read_text(encoding="utf-8").split(f"<!-- {mark}:")[1]
    )
    return textwrap.dedent(text.split("```sql")[1].split("```")[0]).strip()

"""Links to explanations, and everything about one person, on a real log."""

from __future__ import annotations

import asyncio
from pathlib import Path

import asyncpg
import httpx
import pytest

from countersign_audit import store
from countersign_audit.explaining import handing_out as explanations
from countersign_audit.reading.timeline import MAX_ENTRIES
from tests.integration.audit.log import open_log
from tests.integration.audit.reading import API, reading, take_in_announcements
from tests.unit.audit.records import example, one_case, record


async def test_a_link_opens_once_and_both_are_on_record(database_url: str, tmp_path: Path) -> None:
    async with open_log(database_url, tmp_path / "keys") as log, reading(log) as client:
        await log.add(one_case("a"))
        made = await client.post(f"{API}/cases/a/explanation-links", params={"purpose": "asked by letter"})
        assert made.status_code == 201, made.text
        path = made.json()["path"]
        assert (await client.post(f"{API}/cases/none/explanation-links")).status_code == 404
        async with httpx.AsyncClient(transport=client._transport, base_url="http://audit") as stranger:
            for _ in range(2):  # looking uses nothing up
                asked = await stranger.get(path)
                assert (asked.status_code, 'method="post"' in asked.text) == (200, True)
            opened = await stranger.post(path)
            assert opened.status_code == 200
            assert "application/pdf;base64," in opened.text
            assert opened.headers["cache-control"] == "no-store"
            assert "script" not in opened.headers["content-security-policy"]
            assert (await stranger.post(path)).status_code == 410
            assert (await stranger.get(path)).status_code == 410
            for wrong in ("0" * 64, path.rpartition("/")[2][:-1], "not-whole"):
                for method in ("GET", "POST"):
                    answer = await stranger.request(method, f"{API}/explanations/{wrong}")
                    assert (answer.status_code, "not copied whole" in answer.text) == (410, True)
        assert await take_in_announcements(log) == 2
        log_of = (await client.get(f"{API}/access-log", params={"case_id": "a"})).json()["items"]
        assert [(one["reader"], one["what"]) for one in log_of] == [
            ("affected-person", "explanation"), ("p-77", "explanation_link"),
        ]  # fmt: skip
        stored = await log.rows("SELECT token_sha256 FROM explanation_links")
        assert path.rpartition("/")[2] not in str(stored)


async def test_a_link_that_came_before_the_decision_waits_for_it(database_url: str, tmp_path: Path) -> None:
    async with open_log(database_url, tmp_path / "keys") as log, reading(log) as client:
        *before, decision = one_case("a")
        await log.add(before)
        path = (await client.post(f"{API}/cases/a/explanation-links")).json()["path"]
        for _ in range(2):
            early = await client.post(path)
            assert (early.status_code, "No decision has been made yet." in early.text) == (200, True)
            assert "This link has not been used up." in early.text
            assert not [words for words in ("You can object", "pdf", "opened once") if words in early.text]
        await log.add([decision])
        assert "application/pdf;base64," in (await client.post(path)).text
        assert (await client.post(path)).status_code == 410
        assert await take_in_announcements(log) == 2


async def test_a_link_that_failed_opens_again_and_of_two_at_once_one_does(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_log(database_url, tmp_path / "keys") as log, reading(log) as client:
        await log.add(one_case("a"))
        path = (await client.post(f"{API}/cases/a/explanation-links")).json()["path"]
        with monkeypatch.context() as patched:
            patched.setattr(explanations, "_drawn", lambda _: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                await client.post(path)
        assert "/explanations/{token} failed" in caplog.text, "what opens it has no place in a log"
        assert path.rpartition("/")[2] not in caplog.text
        answers = await asyncio.gather(*(client.post(path) for _ in range(2)))
        assert sorted(answer.status_code for answer in answers) == [200, 410]


async def test_everything_about_a_person_is_given_whole_and_recorded(database_url: str, tmp_path: Path) -> None:
    async with open_log(database_url, tmp_path / "keys") as log, reading(log) as client:
        await log.add([*one_case("a", number=1), *one_case("b", number=2)])
        subject = (await client.get(f"{API}/cases/a/timeline")).json()["subject_ref"]
        asked = {"subject_ref": subject, "purpose": "GDPR 15"}
        assert (await client.get(f"{API}/subjects", params=asked, headers={"x-roles": "lead"})).status_code == 403
        found = (await client.get(f"{API}/subjects", params=asked)).json()
        case = next(case for case in found["cases"] if case["case_id"] == "a")
        events = {entry["topic"]: entry["event"] for entry in case["entries"]}
        assert events["case.created"]["payload"]
        assert events["decision.made"]["outcome"]
        assert case["complete"]
        assert found["complete"]
        assert (await client.get(f"{API}/subjects", params={"subject_ref": "nobody"})).status_code == 404
        await take_in_announcements(log)
        log_of = (await client.get(f"{API}/access-log", params={"case_id": "a"})).json()["items"]
        assert ("audit.exported", "subject") in [(one["kind"], one["what"]) for one in log_of]


async def test_a_decision_is_explained_however_much_was_noted_before_it(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "STEPS_AT_ONCE", 3)
    created, scored, routed, decided = one_case("a")
    body = example("activity.recorded/review.claimed.json") | {"case_id": "a"}
    notes = [
        record("activity.recorded", body | {"sequence": number}, event_id=f"n-{number}", offset=number)
        for number in range(1, MAX_ENTRIES + 1)
    ]
    named = record("activity.recorded", body | {"kind": "decision.made"}, event_id="misnamed", offset=MAX_ENTRIES + 1)
    first = example("decision.made/loan_application.automatic.json") | {"case_id": "a", "subject_ref": None}
    reversals = [
        record("decision.made", first | {"decision_id": f"d-{at}", "supersedes": f"d-{at - 1}" if at else None,
                                         "outcome": "approve" if at < 4 else "decline"}, event_id=f"r-{at}", offset=at)
        for at in range(5)
    ]  # fmt: skip
    async with open_log(database_url, tmp_path / "keys") as log, reading(log) as client:
        await log.add([created, scored, routed, *notes[:500]])
        await log.add(notes[500:])
        await log.add([named, *reversals])
        path = (await client.post(f"{API}/cases/a/explanation-links")).json()["path"]
        page = (await client.post(path)).text
        assert "Declined" in page or "Decline" in page
        assert (await client.get(f"{API}/cases/a/timeline")).json()["complete"] is False
    assert decided.topic == "decision.made"


async def test_a_link_opens_again_where_its_opening_could_not_be_put_on_record(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_log(database_url, tmp_path / "keys") as log, reading(log) as client:
        await log.add(one_case("a"))
        path = (await client.post(f"{API}/cases/a/explanation-links")).json()["path"]
        with monkeypatch.context() as patched:

            async def lost(*_: object) -> int:
                raise asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation")

            patched.setattr(store.Store, "add_read", lost)
            assert (await client.post(path)).status_code == 503
        assert (await client.post(path)).status_code == 200


async def test_a_case_whose_decision_cannot_be_read_is_not_explained_as_open(database_url: str, tmp_path: Path) -> None:
    async with open_log(database_url, tmp_path / "keys") as log, reading(log) as client:
        await log.add(one_case("a"))
        await log.rows("ALTER TABLE payloads DISABLE TRIGGER append_only")
        await log.rows("UPDATE payloads SET sealed = sealed || '\\x00' WHERE index = 4")
        answer = await client.post(f"{API}/cases/a/explanation-links")
        assert (answer.status_code, "no readable case" in answer.text) == (404, True), answer.text

"""The record over HTTP: what is shown, to whom, and that looking is on the record too."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from jsonschema import Draft202012Validator

from countersign_audit.api import build_openapi
from countersign_audit.custody.keys import load_keys, verify_signature
from countersign_audit.domain.note import open_note
from countersign_audit.reading.room import READERS
from countersign_audit.reading.timeline import TimelineReader, read_timeline
from countersign_shared.contracts.topics import contracts_dir
from countersign_shared.http import ROLES
from countersign_shared.messaging import Record, unpack_headers
from tests.integration.audit.log import Log, open_log
from tests.integration.audit.reading import API, reading, take_in_announcements
from tests.unit.audit.records import one_case, record

SCHEMA = orjson.loads((contracts_dir() / "schemas" / "activity.recorded.v1.json").read_bytes())


@pytest.fixture
async def log(database_url: str, tmp_path: Path) -> AsyncIterator[Log]:
    async with open_log(database_url, tmp_path / "keys") as log:
        await log.add(one_case("loan-7") + one_case("loan-7", tenant="acme", number=1))
        yield log


@pytest.fixture
async def client(log: Log) -> AsyncIterator[httpx.AsyncClient]:
    async with reading(log) as client:
        yield client


async def announced(log: Log) -> list[dict[str, Any]]:
    return [orjson.loads(row["body"]) for row in await log.rows("SELECT body FROM outbox ORDER BY id")]


async def test_a_filter_that_was_misspelt_is_refused_by_name_and_nothing_is_read(
    client: httpx.AsyncClient, log: Log
) -> None:
    answer = await client.get(f"{API}/entries", params={"from": "yesterday", "subject": "x", "limit": 1})
    assert answer.status_code == 422
    assert [one["pointer"] for one in answer.json()["errors"]] == ["/query/from", "/query/subject"]
    assert "since, subject_ref, tenant" in answer.json()["errors"][0]["detail"]
    assert (await client.get(f"{API}/checkpoint", params={"x": 1})).status_code == 422
    assert await announced(log) == []


async def test_a_timeline_tells_the_case_in_order_with_places_hashes_and_inclusion(
    client: httpx.AsyncClient, log: Log
) -> None:
    answer = await client.get(f"{API}/cases/loan-7/timeline")
    assert answer.status_code == 200
    told = answer.json()
    assert (told["tenant"], told["case_id"], told["decision_type"]) == ("default", "loan-7", "loan_application")
    assert [entry["index"] for entry in told["entries"]] == [1, 2, 3, 4]
    assert [entry["kind"] for entry in told["entries"]] == [
        "case.created",
        "case.scored",
        "case.routed",
        "decision.made",
    ]
    assert all(entry["included"] and entry["payload"] == "readable" for entry in told["entries"])
    assert told["entries"][3]["words"] == "Decided 'approve' automatically, as the AI proposed."
    hashes = {row["index"]: row["leaf_hash"].hex() for row in await log.rows("SELECT index, leaf_hash FROM entries")}
    assert [entry["leaf_hash"] for entry in told["entries"]] == [hashes[index] for index in (1, 2, 3, 4)]
    assert told["checkpoint"]["size"] == 9
    assert told["complete"] is True


async def test_looking_is_recorded_and_becomes_an_entry_of_the_case(client: httpx.AsyncClient, log: Log) -> None:
    await client.get(f"{API}/cases/loan-7/timeline", params={"purpose": "complaint 12"})
    await client.get(f"{API}/cases/loan-7/timeline", headers={"x-roles": "lead"})
    # Review lends a reviewer its leave to read one case; what the record names is theirs.
    await client.get(f"{API}/cases/loan-7/timeline", headers={"x-own-roles": "reviewer"})
    first, second, third = await announced(log)
    for activity in (first, second, third):
        Draft202012Validator(SCHEMA).validate(activity)
    assert first["actor"] == {"kind": "person", "pseudonym": "p-77", "role": "auditor"}
    assert [other["actor"]["role"] for other in (second, third)] == ["lead", "reviewer"]
    assert (first["sequence"], second["sequence"]) == (1, 2)
    assert first["body"]["purpose"] == "complaint 12"
    assert (first["body"]["what"], first["body"]["entries"]) == ("timeline", 4)
    assert (first["body"]["first_index"], first["body"]["last_index"]) == (1, 4)
    rows = await log.rows("SELECT * FROM outbox ORDER BY id")
    assert {row["partition"] for row in rows} == {3}
    await log.add([
        Record(row["topic"], 3, 50 + at, 1, row["key"], row["body"], unpack_headers(row["headers"]))
        for at, row in enumerate(rows)
    ])  # fmt: skip
    told = (await client.get(f"{API}/cases/loan-7/timeline")).json()
    assert told["entries"][4]["words"] == "p-77 (auditor) read the record (timeline)."
    assert [entry["previous"] for entry in told["entries"]] == [None, 1, 2, 3, 4, 9, 10]
    assert (await log.verify()).ok


async def test_entries_page_through_the_log_byte_for_byte(client: httpx.AsyncClient, log: Log) -> None:
    seen, cursor = [], None
    while True:
        page = (await client.get(f"{API}/entries", params={"limit": 4} | ({"cursor": cursor} if cursor else {}))).json()
        seen += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    rows = await log.rows("SELECT index, leaf, leaf_hash FROM entries ORDER BY index")
    assert [(item["index"], item["leaf"].encode(), item["leaf_hash"]) for item in seen] == [
        (row["index"], row["leaf"], row["leaf_hash"].hex()) for row in rows
    ]
    for activity in await announced(log):
        Draft202012Validator(SCHEMA).validate(activity)
        assert activity["case_id"] is None
        assert activity["body"]["what"] == "entries"


async def test_the_checkpoint_is_the_signed_note_itself(client: httpx.AsyncClient, log: Log) -> None:
    answer = await client.get(f"{API}/checkpoint")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    key = load_keys(log.keys_dir).verifier_key(log.writer.origin)
    assert open_note(answer.content, key, verify_signature).size == 9
    assert await announced(log) == []


async def test_a_tenants_auditor_sees_that_tenant_only(client: httpx.AsyncClient) -> None:
    headers = {"x-tenants": "acme"}
    assert (await client.get(f"{API}/cases/loan-7/timeline", headers=headers)).status_code == 404
    answer = await client.get(f"{API}/cases/loan-7/timeline", params={"tenant": "acme"}, headers=headers)
    assert [entry["index"] for entry in answer.json()["entries"]] == [5, 6, 7, 8]
    page = (await client.get(f"{API}/entries", headers=headers)).json()
    assert [item["index"] for item in page["items"]] == [5, 6, 7, 8]


OF_ANOTHER_TENANT: dict[str, list[tuple[str, dict[str, Any] | None, int]]] = {
    "/cases/{case_id}/timeline": [("/cases/loan-7/timeline", None, 404)],
    "/cases/{case_id}/proof": [("/cases/loan-7/proof", None, 404)],
    "/cases/{case_id}/explanation-links": [("/cases/loan-7/explanation-links", {}, 404)],
    "/entries": [(f"/entries?{of}", None, 200) for of in ("tenant=default", "case_id=loan-7", "subject_ref=s-1")],
    "/access-log": [(f"/access-log?{of}", None, 200) for of in ("tenant=default", "case_id=loan-7")],
    "/subjects": [("/subjects?subject_ref=applicant-loan-7", None, 404)],
    "/erasures": [
        ("/erasures", {"case_id": "loan-7", "legal_basis": "x"}, 404),
        ("/erasures", {"subject_ref": "applicant-loan-7", "legal_basis": "x"}, 404),
    ],
    "/erasures/{erasure_id}": [("/erasures/ERASURE", None, 404)],
    "/export": [("/export", None, 403)],
    "/tile/{path}": [("/tile/entries/000.p/9", None, 403), ("/tile/0/000.p/9", None, 200)],
    # Hashes alone say nothing about anybody; a token is its own leave.
    "/checkpoint": [], "/proof/inclusion": [], "/proof/consistency": [], "/explanations/{token}": [],
}  # fmt: skip


async def test_no_route_tells_or_does_anything_about_another_tenant(client: httpx.AsyncClient, log: Log) -> None:
    assert {path.removeprefix(API) for path in build_openapi()["paths"]} == set(OF_ANOTHER_TENANT)
    asked = {"case_id": "loan-7", "legal_basis": "x"}
    made = await client.post(f"{API}/erasures", json=asked, headers={"x-roles": "admin", "Idempotency-Key": "k"})
    before = await announced(log)
    limited = {"x-tenants": "acme", "x-roles": "admin,auditor,lead", "Idempotency-Key": "k"}
    for path, body, status in (one for several in OF_ANOTHER_TENANT.values() for one in several):
        url = API + path.replace("ERASURE", made.json()["erasure_id"])
        answer = await client.request("GET" if body is None else "POST", url, json=body, headers=limited)
        assert answer.status_code == status, (path, answer.text)
        if status == 200 and answer.headers["content-type"] == "application/json":
            assert answer.json()["items"] == [], path
    assert await announced(log) == before


async def test_who_looked_at_a_tenants_entries_is_told_to_that_tenant(client: httpx.AsyncClient, log: Log) -> None:
    for tenants, tenant in (("*", "acme"), ("acme,zeta", "zeta"), ("*", None)):
        asked = {} if tenant is None else {"tenant": tenant}
        await client.get(f"{API}/access-log", params=asked, headers={"x-tenants": tenants})
        await client.get(f"{API}/entries", params=asked, headers={"x-tenants": tenants})
    # The last one looked at both tenants at once, and each is told of its own entries.
    told = [(one["tenant"], one["body"]["entries"]) for one in await announced(log)]
    of = {row["tenant"]: row["count"] for row in await log.rows("SELECT tenant, count(*) FROM entries GROUP BY tenant")}
    assert told == [("acme", of["acme"]), ("acme", of["acme"]), ("default", of["default"] + of[None])]
    await client.get(f"{API}/entries", headers={"x-tenants": "acme"})
    await take_in_announcements(log)
    found = await client.get(f"{API}/access-log", headers={"x-tenants": "acme"})
    assert [(one["reader"], one["what"], one["tenant"]) for one in found.json()["items"]] == [
        ("p-77", "entries", "acme"), ("p-77", "entries", "acme"), ("p-77", "entries", "acme"),
    ]  # fmt: skip


@pytest.mark.parametrize(("path", "what"), [("/export", "export"), ("/tile/entries/000.p/9", "bundle")])
async def test_whose_entries_left_with_all_of_them_is_told_to_each_tenant(
    client: httpx.AsyncClient, log: Log, path: str, what: str
) -> None:
    of = {row["tenant"]: row["count"] for row in await log.rows("SELECT tenant, count(*) FROM entries GROUP BY tenant")}
    assert (await client.get(API + path)).status_code == 200
    told = [(one["tenant"], one["body"]["what"], one["body"]["entries"]) for one in await announced(log)]
    assert told == [("acme", what, of["acme"]), ("default", what, of["default"] + of[None])]
    await take_in_announcements(log)
    found = await client.get(f"{API}/access-log", headers={"x-tenants": "acme"})
    assert [(one["reader"], one["what"], one["entries"]) for one in found.json()["items"]] == [("p-77", what, 4)]


async def test_an_unknown_case_is_not_found_and_leaves_no_trace(client: httpx.AsyncClient, log: Log) -> None:
    answer = await client.get(f"{API}/cases/nobody/timeline")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert await announced(log) == []


@pytest.mark.parametrize(
    "path",
    ["/cases/loan-7/timeline", "/cases/loan-7/proof", "/entries", "/access-log", "/checkpoint", "/tile/0/000.p/9",
     "/tile/entries/000.p/9", "/proof/inclusion?index=0", "/proof/consistency?first=1", "/export"],
)  # fmt: skip
@pytest.mark.parametrize("role", sorted(ROLES))
async def test_only_auditors_admins_and_leads_may_read(client: httpx.AsyncClient, path: str, role: str) -> None:
    answer = await client.get(API + path, headers={"x-roles": role})
    assert answer.status_code == (200 if role in READERS else 403)


@pytest.mark.parametrize(
    ("path", "parameters"),
    [
        ("/cases/loan%207/timeline", {}),
        ("/cases/loan-7/timeline", {"tenant": "a b"}),
        ("/cases/loan-7/timeline", {"purpose": "x" * 501}),
        ("/cases/loan-7/timeline", {"purpose": "a\x00b"}),
        ("/entries", {"limit": 0}),
        ("/entries", {"limit": 201}),
        ("/entries", {"cursor": "-1"}),
        ("/entries", {"cursor": "9" * 17}),
    ],
)
async def test_bad_requests_are_problems_that_name_the_field(
    client: httpx.AsyncClient, path: str, parameters: dict[str, Any]
) -> None:
    answer = await client.get(API + path, params=parameters)
    assert answer.status_code == 422
    assert answer.json()["errors"]


async def test_the_highest_cursor_is_past_the_end(client: httpx.AsyncClient) -> None:
    page = (await client.get(f"{API}/entries", params={"cursor": "9" * 16})).json()
    assert page == {"items": [], "next_cursor": None}


async def test_the_command_line_reads_the_same_timeline(client: httpx.AsyncClient, log: Log) -> None:
    told = (await client.get(f"{API}/cases/loan-7/timeline")).json()
    read = await read_timeline(log.database_url, log.keys_dir, tenant="default", case_id="loan-7")
    assert [entry.words for entry in read.entries] == [entry["words"] for entry in told["entries"]]
    assert (await read_timeline(log.database_url, log.keys_dir, tenant="x", case_id="loan-7")).entries == []


async def test_a_damaged_payload_is_shown_as_such(log: Log) -> None:
    async with log.pool.acquire() as connection:
        await connection.execute("ALTER TABLE payloads DISABLE TRIGGER ALL")
        await connection.execute("UPDATE payloads SET sealed = sealed || '\\x00'::bytea WHERE index = 1")
        await connection.execute("DELETE FROM payloads WHERE index = 2")
    timeline = await TimelineReader(load_keys(log.keys_dir)).read(log.pool, "default", "loan-7")
    assert [entry.payload for entry in timeline.entries] == ["damaged", "erased", "readable", "readable"]


async def test_words_of_conflicting_records_raise_the_alarm(client: httpx.AsyncClient, log: Log) -> None:
    first = one_case("loan-7")[0]
    other = orjson.loads(first.value or b"") | {"title": "changed"}
    again = record("case.created", other, event_id=(first.header("ce_id") or b"").decode())
    await log.add([again])
    told = (await client.get(f"{API}/cases/loan-7/timeline")).json()
    assert told["entries"][-1]["conflict_with"] == 1
    assert told["entries"][-1]["words"].startswith("ALARM")


def test_the_description_needs_no_database() -> None:
    document = build_openapi()
    assert {path.removeprefix(API) for path in document["paths"]} == {
        "/cases/{case_id}/timeline", "/cases/{case_id}/proof", "/entries", "/access-log", "/checkpoint", "/tile/{path}",
        "/proof/inclusion", "/proof/consistency", "/export", "/erasures", "/erasures/{erasure_id}",
        "/explanations/{token}", "/cases/{case_id}/explanation-links", "/subjects",
    }  # fmt: skip

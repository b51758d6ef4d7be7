"""The log as strangers read it: tiles, bundles, proofs, an export, a case's proof; and what is looked for is found."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import orjson
import pytest

from countersign_audit import store
from countersign_audit.custody.keys import load_keys
from countersign_audit.domain.tiles import tiles_of
from countersign_verifier.case import verify_case
from countersign_verifier.log import verify_log
from countersign_verifier.note import open_checkpoint, parse_key
from countersign_verifier.tree import check_consistency, root_by_inclusion, root_of
from tests.integration.audit.log import Log, open_log
from tests.integration.audit.reading import API, reading, take_in_announcements
from tests.unit.audit.records import TIME, one_case, record

CASES = 90
SIZE = 1 + CASES * 4
"""361 entries: one full tile, and two open ones."""


@pytest.fixture
async def log(database_url: str, tmp_path: Path) -> AsyncIterator[Log]:
    async with open_log(database_url, tmp_path / "keys") as log:
        for first in range(0, CASES, 30):
            await log.add([
                one
                for number in range(first, first + 30)
                for one in one_case(f"case-{number}", number=number, tenant="acme" if number % 3 == 0 else "default")
            ])  # fmt: skip
        yield log


@pytest.fixture
async def client(log: Log) -> AsyncIterator[httpx.AsyncClient]:
    async with reading(log) as client:
        yield client


def vkey(log: Log) -> str:
    return load_keys(log.keys_dir).verifier_key(log.writer.origin).text()


async def hashes(log: Log) -> list[bytes]:
    return [row["leaf_hash"] for row in await log.rows("SELECT leaf_hash FROM entries ORDER BY index")]


async def announced(log: Log) -> list[dict[str, Any]]:
    return [orjson.loads(row["body"]) for row in await log.rows("SELECT body FROM outbox ORDER BY id")]


async def mirrored(client: httpx.AsyncClient, directory: Path) -> None:
    """Fetch everything that tlog-tiles says is there, each byte as it comes."""
    names = ["checkpoint"]
    for tile in tiles_of(SIZE):
        partial = f".p/{tile.width}" if tile.width < 256 else ""
        levels = [str(tile.level)] + ["entries"] * (tile.level == 0)
        names += [f"tile/{level}/{tile.number:03d}{partial}" for level in levels]
    for name in names:
        answer = await client.get(f"{API}/{name}")
        assert answer.status_code == 200, name
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_bytes(answer.content)


async def test_a_mirror_of_what_is_served_verifies(client: httpx.AsyncClient, log: Log, tmp_path: Path) -> None:
    await mirrored(client, tmp_path / "mirror")
    report = verify_log(tmp_path / "mirror", parse_key(vkey(log)))
    assert (report.findings, report.size, report.newest_at) == ([], SIZE, TIME)


async def test_types_and_caching_are_those_of_the_specification(client: httpx.AsyncClient) -> None:
    checkpoint = await client.get(f"{API}/checkpoint")
    assert checkpoint.headers["content-type"] == "text/plain; charset=utf-8"
    assert checkpoint.headers["cache-control"] == "no-store"
    for path in ("tile/0/000", "tile/0/001.p/105", "tile/1/000.p/1", "tile/entries/000", "tile/entries/001.p/105"):
        answer = await client.get(f"{API}/{path}")
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.headers["cache-control"] == "private, max-age=31536000, immutable"
        assert answer.headers["vary"] == "Authorization, Cookie"


@pytest.mark.parametrize(
    "path",
    ["0/001", "0/002.p/1", "0/001.p/106", "1/000", "2/000.p/1", "entries/001", "0/1", "0", "entries/000.p/256", "x"],
)
async def test_what_no_checkpoint_covers_is_not_there(client: httpx.AsyncClient, log: Log, path: str) -> None:
    answer = await client.get(f"{API}/tile/{path}")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert await announced(log) == []


async def test_bundles_are_for_who_sees_every_tenant_and_each_is_recorded(client: httpx.AsyncClient, log: Log) -> None:
    one_tenant = {"x-tenants": "acme"}
    assert (await client.get(f"{API}/tile/entries/000", headers=one_tenant)).status_code == 403
    assert (await client.get(f"{API}/export", headers=one_tenant)).status_code == 403
    assert (await client.get(f"{API}/tile/0/000", headers=one_tenant)).status_code == 200
    assert await announced(log) == []
    await client.get(f"{API}/tile/entries/000", params={"purpose": "yearly audit"})
    held = await log.rows(
        "SELECT coalesce(tenant, 'default') AS tenant, count(*) AS entries, min(index) AS first, max(index) AS last"
        " FROM entries WHERE index < 256 GROUP BY 1 ORDER BY 1"
    )
    assert [row["tenant"] for row in held] == ["acme", "default"]
    assert [(read["kind"], read["tenant"], read["body"]) for read in await announced(log)] == [
        ("audit.read", row["tenant"], {
            "what": "bundle", "fields": ["leaf", "leaf_hash"], "purpose": "yearly audit", "entries": row["entries"],
            "first_index": row["first"], "last_index": row["last"],
        })
        for row in held
    ]  # fmt: skip


async def test_an_export_is_one_stream_of_all_bundles_and_an_entry_a_tenant(
    client: httpx.AsyncClient, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "COUNTED_AT_ONCE", 100)
    whole = (await client.get(f"{API}/export")).content
    bundles = [(await client.get(f"{API}/tile/entries/{name}")).content for name in ("000", "001.p/105")]
    assert whole == b"".join(bundles)
    assert (await client.get(f"{API}/export", params={"first": 256, "size": SIZE})).content == bundles[1]
    assert (await client.get(f"{API}/export", params={"first": SIZE})).status_code == 404
    assert (await client.get(f"{API}/export", params={"size": SIZE + 1})).status_code == 404
    told = [(read["kind"], read["tenant"]) for read in await announced(log)]
    assert told == [
        (kind, tenant)
        for kind in ("audit.exported", "audit.read", "audit.read", "audit.exported")
        for tenant in ("acme", "default")
    ]
    assert [read["body"]["entries"] for read in (await announced(log))[:2]] == [CASES // 3 * 4, SIZE - CASES // 3 * 4]
    await take_in_announcements(log)
    (kind,) = await log.rows("SELECT kind FROM entries WHERE index = $1", SIZE)
    assert kind["kind"] == "audit.exported"
    assert (await log.verify()).ok


@pytest.mark.parametrize("index", [0, 1, 255, 256, 300, SIZE - 1])
async def test_inclusion_is_proven_to_any_signed_size(client: httpx.AsyncClient, log: Log, index: int) -> None:
    leaves = await hashes(log)
    for size in (SIZE, index + 1, (index + SIZE) // 2 + 1):
        said = (await client.get(f"{API}/proof/inclusion", params={"index": index, "size": min(size, SIZE)})).json()
        proof = [bytes.fromhex(node) for node in said["proof"]]
        root = root_by_inclusion(bytes.fromhex(said["leaf_hash"]), index, said["size"], proof)
        assert root == root_of(b"".join(leaves[: said["size"]]))
        assert said["leaf_hash"] == leaves[index].hex()
    newest = (await client.get(f"{API}/proof/inclusion", params={"index": index})).json()
    assert open_checkpoint(newest["checkpoint"].encode(), parse_key(vkey(log))).size == newest["size"] == SIZE


@pytest.mark.parametrize("first", [1, 120, 241, 256, 257, SIZE - 1, SIZE])
async def test_consistency_is_proven_between_any_two_sizes(client: httpx.AsyncClient, log: Log, first: int) -> None:
    leaves = await hashes(log)
    said = (await client.get(f"{API}/proof/consistency", params={"first": first})).json()
    roots = [root_of(b"".join(leaves[:size])) for size in (first, SIZE)]
    check_consistency(first, roots[0], SIZE, roots[1], [bytes.fromhex(node) for node in said["proof"]])


@pytest.mark.parametrize(
    ("path", "parameters", "status"),
    [
        ("inclusion", {"index": SIZE}, 404), ("inclusion", {"index": 0, "size": SIZE + 1}, 404),
        ("inclusion", {"index": -1}, 422), ("inclusion", {}, 422), ("inclusion", {"index": 5, "size": 5}, 404),
        ("consistency", {"first": SIZE + 1}, 404), ("consistency", {"first": 0}, 422),
        ("consistency", {"first": 5, "second": 4}, 404), ("consistency", {"first": 5, "second": SIZE + 1}, 404),
    ],
)  # fmt: skip
async def test_what_is_not_signed_is_not_proven(
    client: httpx.AsyncClient, path: str, parameters: dict[str, int], status: int
) -> None:
    assert (await client.get(f"{API}/proof/{path}", params=parameters)).status_code == status


async def test_a_timeline_proves_each_entry(client: httpx.AsyncClient, log: Log) -> None:
    told = (await client.get(f"{API}/cases/case-70/timeline")).json()
    assert len(told["entries"]) == 4
    for entry in told["entries"]:
        proof = [bytes.fromhex(node) for node in entry["proof"]]
        root = root_by_inclusion(bytes.fromhex(entry["leaf_hash"]), entry["index"], SIZE, proof)
        assert root.hex() == told["checkpoint"]["root"]


async def test_entries_without_a_checkpoint_have_no_proof_yet(database_url: str, tmp_path: Path) -> None:
    async with open_log(database_url, tmp_path / "keys", audit_checkpoint_interval_ms=10_000) as log:
        await log.add(one_case("case-1"))
        async with reading(log) as client:
            told = (await client.get(f"{API}/cases/case-1/timeline")).json()
            assert [(entry["included"], entry["proof"]) for entry in told["entries"]] == [(False, None)] * 4
            assert (await client.get(f"{API}/cases/case-1/proof")).status_code == 404


async def test_a_cases_proof_convinces_who_has_only_the_key(client: httpx.AsyncClient, log: Log) -> None:
    answer = await client.get(f"{API}/cases/case-70/proof", params={"purpose": "court"})
    report = verify_case(answer.content, parse_key(vkey(log)))
    assert (report.findings, report.size) == ([], SIZE)
    assert [said["kind"] for said in report.entries] == ["case.created", "case.scored", "case.routed", "decision.made"]
    assert [(read["body"]["what"], read["body"]["purpose"]) for read in await announced(log)] == [("proof", "court")]
    assert (await client.get(f"{API}/cases/nobody/proof")).status_code == 404
    assert (await client.get(f"{API}/cases/case-70/proof", headers={"x-tenants": "acme"})).status_code == 404


async def found(client: httpx.AsyncClient, **parameters: Any) -> list[int]:
    headers = {"x-tenants": parameters.pop("sees", "*")}
    answer = await client.get(f"{API}/entries", params=parameters, headers=headers)
    assert answer.status_code == 200, answer.text
    return [item["index"] for item in answer.json()["items"]]


async def test_entries_are_found_by_case_subject_actor_kind_and_time(client: httpx.AsyncClient, log: Log) -> None:
    case_70 = [281, 282, 283, 284]
    assert await found(client, case_id="case-70") == case_70
    assert await found(client, case_id="case-69") == []
    assert await found(client, case_id="case-69", tenant="acme") == [277, 278, 279, 280]
    assert await found(client, subject_ref="applicant-case-70") == case_70
    assert await found(client, subject_ref="applicant-case-70", tenant="acme") == []
    assert await found(client, subject_ref="applicant-case-70", kind="case.routed") == [283]
    assert await found(client, kind="decision.made", limit=2, cursor="100") == [100, 104]
    actor = orjson.loads((await log.rows("SELECT leaf FROM entries WHERE index = 281"))[0]["leaf"])["actor"]["id"]
    assert (await found(client, actor=actor, limit=200))[:3] == [1, 5, 9]
    assert await found(client, actor="nobody") == []
    late = "2027-01-02T03:04:05Z"
    await log.add([record("case.created", b"{}", event_id="late", time=late)])
    assert await found(client, since="2026-12-31T00:00:00Z") == [SIZE]
    assert await found(client, until=TIME) == []
    assert await found(client, since=TIME, until=late, cursor=str(SIZE - 2)) == [SIZE - 2, SIZE - 1]


async def test_a_tenants_auditor_finds_that_tenants_entries_only(client: httpx.AsyncClient) -> None:
    assert await found(client, case_id="case-70", sees="acme") == []
    assert await found(client, subject_ref="applicant-case-70", sees="acme") == []
    assert await found(client, case_id="case-69", tenant="acme", sees="acme") == [277, 278, 279, 280]
    assert await found(client, kind="case.scored", limit=3, sees="acme") == [2, 14, 26]
    assert await found(client, tenant="default", sees="acme") == []


@pytest.mark.parametrize(
    "parameters",
    [{"case_id": "a", "subject_ref": "b"}, {"since": "yesterday"}, {"since": "2026-01-01T00:00:00"}, {"tenant": "a b"}],
)
async def test_what_cannot_be_looked_for_is_refused(client: httpx.AsyncClient, parameters: dict[str, str]) -> None:
    assert (await client.get(f"{API}/entries", params=parameters)).status_code == 422


async def test_who_looked_is_found_in_the_access_log(client: httpx.AsyncClient, log: Log) -> None:
    await client.get(f"{API}/cases/case-70/timeline")
    await client.get(f"{API}/export")
    await take_in_announcements(log)
    page = (await client.get(f"{API}/access-log")).json()
    assert [(item["index"], item["kind"], item["reader"], item["role"], item["what"]) for item in page["items"]] == [
        (SIZE + 2, "audit.exported", "p-77", "auditor", "export"),
        (SIZE + 1, "audit.exported", "p-77", "auditor", "export"),
        (SIZE, "audit.read", "p-77", "auditor", "timeline"),
    ]
    assert page["items"][2]["fields"] == ["occurred_at", "kind", "words", "actor"]
    assert {item["tenant"]: item["entries"] for item in page["items"][:2]} == {"acme": 120, "default": SIZE - 120}
    newest = (await client.get(f"{API}/access-log", params={"limit": 2})).json()
    before = await client.get(f"{API}/access-log", params={"limit": 1, "cursor": newest["next_cursor"]})
    assert newest["items"] + before.json()["items"] == page["items"]
    end = await client.get(f"{API}/access-log", params={"limit": 1, "cursor": before.json()["next_cursor"]})
    assert end.json() == {"items": [], "next_cursor": None}
    about = (await client.get(f"{API}/access-log", params={"case_id": "case-70"})).json()
    assert [item["index"] for item in about["items"]] == [SIZE]
    nobody = (await client.get(f"{API}/access-log", params={"reader": "p-78"})).json()
    assert nobody == {"items": [], "next_cursor": None}
    # A page of looks at two tenants' entries is itself a look at both.
    assert [(read["body"]["what"], read["tenant"]) for read in await announced(log)] == [
        ("timeline", "default"), ("export", "acme"), ("export", "default"),
        *[("access_log", tenant) for tenant in ("acme", "default", "acme", "default", "default", "default")],
    ]  # fmt: skip


async def test_a_log_from_before_tiles_gets_them_at_the_next_start(database_url: str, tmp_path: Path) -> None:
    async with open_log(database_url, tmp_path / "keys") as log:
        await log.add([one for number in range(200) for one in one_case(f"case-{number}", number=number)])
        stored = await log.rows("SELECT * FROM tiles ORDER BY level, number")
        leaves = await hashes(log)
        await log.rows("ALTER TABLE tiles DISABLE TRIGGER ALL")
        await log.rows("DELETE FROM tiles")
    assert [bytes(row["hashes"]) for row in stored] == [b"".join(leaves[at : at + 256]) for at in (0, 256, 512)]
    assert [bytes(row["root"]) for row in stored] == [root_of(bytes(row["hashes"])) for row in stored]
    async with open_log(database_url, tmp_path / "keys") as log:
        assert await log.rows("SELECT * FROM tiles ORDER BY level, number") == stored
        await log.add(one_case("case-next", number=300))
        assert (await log.verify()).ok


async def test_hashes_of_tiles_are_those_of_the_leaves(log: Log, client: httpx.AsyncClient) -> None:
    leaves = [row["leaf"] for row in await log.rows("SELECT leaf FROM entries ORDER BY index")]
    row = b"".join(hashlib.sha256(b"\x00" + leaf).digest() for leaf in leaves)
    assert (await client.get(f"{API}/tile/0/000")).content == row[: 256 * 32]
    assert (await client.get(f"{API}/tile/0/001.p/105")).content == row[256 * 32 :]
    assert (await client.get(f"{API}/tile/0/001.p/7")).content == row[256 * 32 : 263 * 32]
    assert (await client.get(f"{API}/tile/1/000.p/1")).content == root_of(row[: 256 * 32])


@pytest.mark.parametrize(
    ("tamper", "said"),
    [
        ("UPDATE tiles SET hashes = set_byte(hashes, 40, 255 - get_byte(hashes, 40)) WHERE number = 0", "not made of"),
        ("UPDATE tiles SET root = hashes WHERE number = 0", "not made of"),
        ("DELETE FROM tiles WHERE number = 0", "missing"),
        ("INSERT INTO tiles SELECT 0, 5, hashes, root FROM tiles WHERE number = 0", "more than there is"),
        ("INSERT INTO tiles SELECT 1, 0, hashes, root FROM tiles WHERE number = 0", "more than there is"),
    ],
)
async def test_a_tile_that_was_tampered_with_is_named(
    database_url: str, tmp_path: Path, tamper: str, said: str
) -> None:
    async with open_log(database_url, tmp_path / "keys") as log:
        await log.add([one for number in range(130) for one in one_case(f"case-{number}", number=number)])
        assert (await log.verify(with_keys=False)).ok
        await log.rows("ALTER TABLE tiles DISABLE TRIGGER ALL")
        await log.rows(tamper)
        report = await log.verify(with_keys=False)
        assert said in str(report.first_bad)


async def test_tiles_are_only_added_to(log: Log) -> None:
    for statement in ("UPDATE tiles SET number = 9", "DELETE FROM tiles", "TRUNCATE tiles"):
        with pytest.raises(asyncpg.PostgresError, match="append-only"):
            await log.rows(statement)


async def test_a_database_from_before_tiles_still_verifies(log: Log) -> None:
    await log.rows("DROP TABLE tiles")
    assert (await log.verify()).ok

"""Strangers' verifiers accept what we export, and refuse, as ours does, whatever was done to it afterwards."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from countersign_audit.custody.keys import load_keys
from countersign_local import exporting
from countersign_verifier.findings import Report
from countersign_verifier.log import verify_log
from countersign_verifier.note import parse_key
from tests.architecture.sources import ROOT
from tests.integration.audit.flow import batches
from tests.integration.audit.log import open_log
from tests.integration.audit.reading import API, reading
from tests.strangers.logs import vkey, write_log
from tests.strangers.mutations import ENTRIES, MUTATIONS, SIZE, Mutation, made
from tests.strangers.programs import strangers

# The first run on a machine compiles both programs.
pytestmark = pytest.mark.timeout(300)

PAGE = ROOT / "docs" / "audit-log.md"
BEGIN, END = "<!-- mutations: written by tests/integration/audit/test_audit_strangers.py -->", "<!-- end -->"
WRITE = "COUNTERSIGN_WRITE_DOCS"
RECORDS, GROWN = 20_000, 1_500


def ours(directory: Path, old: Path | None) -> Report:
    key = parse_key(vkey())
    return verify_log(directory, key, old=old.read_bytes() if old is not None else None)


async def export(client: httpx.AsyncClient, directory: Path) -> exporting.Exported:
    """Do what `countersign audit export` does."""
    note = (await client.get(f"{API}/checkpoint")).content

    async def fetch(first: int, size: int) -> AsyncIterator[bytes]:
        async with client.stream("GET", f"{API}/export", params={"first": first, "size": size}) as answer:
            assert answer.status_code == 200
            async for piece in answer.aiter_bytes():
                yield piece

    return await exporting.export(directory, note, fetch, lambda *_: None)


@pytest.mark.slow
@pytest.mark.postgres
async def test_strangers_accept_an_export_and_what_it_grew_into(database_url: str, tmp_path: Path) -> None:
    directory, kept = tmp_path / "export", tmp_path / "kept"
    async with open_log(database_url, tmp_path / "keys") as log, reading(log) as client:
        for batch in batches(RECORDS):
            await log.add(batch)
        assert await export(client, directory) == exporting.Exported(RECORDS + 1, RECORDS + 1)
        kept.write_bytes((directory / "checkpoint").read_bytes())
        key = load_keys(tmp_path / "keys").verifier_key(log.writer.origin).text()
        for batch in list(batches(RECORDS + GROWN))[-2:]:
            await log.add(batch)
        # Full bundles are there already; the open one is fetched again.
        assert await export(client, directory) == exporting.Exported(GROWN + (RECORDS + 1) % 256, GROWN)
    report = verify_log(directory, parse_key(key), old=kept.read_bytes(), processes=2)
    assert (report.findings, report.size) == ([], RECORDS + 1 + GROWN)
    built = strangers()
    assert built.go(directory, key, old=kept)[0]
    assert built.tessera(directory, key)


def test_an_untouched_log_verifies(tmp_path: Path) -> None:
    write_log(tmp_path / "log", ENTRIES)
    report = ours(tmp_path / "log", None)
    assert (report.findings, report.size) == ([], SIZE)
    built = strangers()
    assert built.go(tmp_path / "log", vkey())[0]
    assert built.tessera(tmp_path / "log", vkey())


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.what)
def test_we_and_a_stranger_refuse_what_was_tampered_with(mutation: Mutation, tmp_path: Path) -> None:
    old = made(tmp_path / "log", mutation)
    report = ours(tmp_path / "log", old)
    assert not report.ok
    assert report.first_bad is not None
    built = strangers()
    accepted, said = built.go(tmp_path / "log", vkey(), old=old)
    assert not accepted
    assert said.startswith("refused: ")
    # Tessera's knows no older checkpoint, and looks at no more entries of a bundle than its name promises.
    assert built.tessera(tmp_path / "log", vkey()) == (mutation.old or mutation.what == "an entry put after the last")


@pytest.mark.parametrize("mutation", [one for one in MUTATIONS if one.old], ids=lambda mutation: mutation.what)
def test_without_an_old_checkpoint_whoever_holds_the_key_can_rewrite_the_log(
    mutation: Mutation, tmp_path: Path
) -> None:
    # Why --old is there, and why checkpoints must be kept elsewhere.
    made(tmp_path / "log", mutation)
    assert ours(tmp_path / "log", None).ok
    assert strangers().go(tmp_path / "log", vkey())[0]


def test_the_page_says_what_is_found(tmp_path: Path) -> None:
    rows = [(mutation, made(tmp_path / str(at), mutation), tmp_path / str(at)) for at, mutation in enumerate(MUTATIONS)]
    lines = [_line(mutation, str(ours(directory, old).first_bad)) for mutation, old, directory in rows]
    if os.environ.get(WRITE):
        text = PAGE.read_text(encoding="utf-8")
        before, after = text.partition(BEGIN)[0], text.partition(END)[2]
        head = ["| done to an export of 1,000 entries | first bad, says `countersign-verify` |", "|---|---|"]
        PAGE.write_text(before + "\n".join([BEGIN, "", *head, *lines, "", END]) + after, encoding="utf-8")
    told = PAGE.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0]
    assert [line for line in told.splitlines() if line.startswith("| ")][1:] == lines


def _line(mutation: Mutation, found: str) -> str:
    return f"| {mutation.what}{' (`--old`)' if mutation.old else ''} | {found} |"

"""Exporting: a directory is brought up to date, goes on where it was cut off, and never mixes two logs."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from countersign_local.errors import NOT_RIGHT, CommandError
from countersign_local.exporting import export
from countersign_verifier.log import verify_log
from countersign_verifier.note import parse_key
from tests.strangers.logs import bundle, leaves, note, root, sha256, vkey, write_log

ENTRIES = leaves(700)


def signed(entries: list[bytes], origin: str = "countersign.example/log") -> bytes:
    return note(len(entries), root([sha256(b"\x00" + entry) for entry in entries]), origin=origin)


class Source:
    """The log's stream in pieces of any size; it may break off after so many bytes."""

    def __init__(self, entries: list[bytes], breaks_after: int | None = None) -> None:
        self.entries = entries
        self.breaks_after = breaks_after
        self.asked: list[tuple[int, int]] = []

    async def __call__(self, first: int, size: int) -> AsyncIterator[bytes]:
        self.asked.append((first, size))
        data = bundle(self.entries[first:size])[: self.breaks_after]
        chance = random.Random(5)
        while data:
            length = chance.randrange(1, 5_000)
            piece, data = data[:length], data[length:]
            yield piece


def files(directory: Path) -> dict[str, bytes]:
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


async def run(directory: Path, source: Source, entries: list[bytes]) -> int:
    return (await export(directory, signed(entries), source, lambda *_: None)).fetched


async def test_an_export_is_the_layout_byte_for_byte(tmp_path: Path) -> None:
    write_log(tmp_path / "expected", ENTRIES)
    assert await run(tmp_path / "made", Source(ENTRIES), ENTRIES) == 700
    assert files(tmp_path / "made") == files(tmp_path / "expected")


async def test_what_was_cut_off_goes_on_where_it_was(tmp_path: Path) -> None:
    broken = Source(ENTRIES, breaks_after=len(bundle(ENTRIES[:600])) + 5)
    with pytest.raises(CommandError, match="600 of 700"):
        await run(tmp_path / "made", broken, ENTRIES)
    assert "checkpoint" not in files(tmp_path / "made")
    source = Source(ENTRIES)
    assert await run(tmp_path / "made", source, ENTRIES) == 700 - 512
    assert source.asked == [(512, 700)]
    write_log(tmp_path / "expected", ENTRIES)
    assert files(tmp_path / "made") == files(tmp_path / "expected")


async def test_a_disk_that_was_full_at_the_last_file_stops_no_later_export(tmp_path: Path) -> None:
    made = tmp_path / "made"
    made.mkdir()
    (made / "checkpoint.new").symlink_to("/dev/full")
    with pytest.raises(CommandError, match="/made: No space left on device"):
        await run(made, Source(ENTRIES), ENTRIES)
    (made / "checkpoint.new").unlink()
    (made / "checkpoint.new").write_bytes(b"hal")
    source = Source(ENTRIES)
    assert await run(made, source, ENTRIES) == 700 - 512
    write_log(tmp_path / "expected", ENTRIES)
    assert files(made) == files(tmp_path / "expected")


@pytest.mark.parametrize("names", [["entries/001"], ["0/001"], ["entries/000", "0/000"]])
async def test_what_a_crash_left_empty_is_put_in_its_place_again(tmp_path: Path, names: list[str]) -> None:
    await run(tmp_path, Source(ENTRIES), ENTRIES)
    for name in names:
        (tmp_path / "tile" / name).write_bytes(b"")
    await run(tmp_path, Source(ENTRIES), ENTRIES)
    report = verify_log(tmp_path, parse_key(vkey()))
    assert report.ok, [str(one) for one in report.findings]


async def test_an_export_grows_with_its_log_and_asks_for_nothing_twice(tmp_path: Path) -> None:
    await run(tmp_path, Source(ENTRIES[:512]), ENTRIES[:512])
    source = Source(ENTRIES[:512])
    assert await run(tmp_path, source, ENTRIES[:512]) == 0
    assert source.asked == []
    assert await run(tmp_path, Source(ENTRIES), ENTRIES) == 188


async def test_a_log_that_became_shorter_or_another_is_not_written_over_what_is_there(tmp_path: Path) -> None:
    await run(tmp_path, Source(ENTRIES), ENTRIES)
    before = files(tmp_path)
    with pytest.raises(CommandError, match="ask why"):
        await run(tmp_path, Source(ENTRIES[:600]), ENTRIES[:600])
    with pytest.raises(CommandError, match="ask why"):
        await export(tmp_path, signed(ENTRIES, origin="other.example/log"), Source(ENTRIES), lambda *_: None)
    assert files(tmp_path) == before


async def test_other_entries_than_those_signed_never_get_a_checkpoint(tmp_path: Path) -> None:
    altered = [*ENTRIES[:5], b"{}", *ENTRIES[6:]]
    with pytest.raises(CommandError, match="the log was changed") as refused:
        await run(tmp_path / "made", Source(altered), ENTRIES)
    assert refused.value.exit_code == NOT_RIGHT
    assert "checkpoint" not in files(tmp_path / "made")
    # Where the directory brought some of it along, it may be the directory.
    await run(tmp_path / "there", Source(ENTRIES[:512]), ENTRIES[:512])
    with pytest.raises(CommandError, match="Export into an empty directory"):
        await run(tmp_path / "there", Source([*ENTRIES[:600], b"{}", *ENTRIES[601:]]), ENTRIES)


async def test_a_directory_with_other_things_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear", encoding="utf-8")
    with pytest.raises(CommandError, match="something else"):
        await run(tmp_path, Source(ENTRIES), ENTRIES)


async def test_what_is_no_checkpoint_is_not_exported(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="no checkpoint"):
        await export(tmp_path, b"<html>", Source(ENTRIES), lambda *_: None)

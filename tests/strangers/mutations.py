"""What somebody may do to an exported log, one function each; VICTIM is the entry they are after."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from tests.strangers.logs import KEY, OTHER_KEY, bundle, leaves, note, path, put, rewrite, root, sha256, write_log

SIZE = 1_000
VICTIM = 300
TILE, PLACE = divmod(VICTIM, 256)
LAST = path("entries", 3, SIZE - 768)
ENTRIES = leaves(SIZE)
ALTERED = ENTRIES[VICTIM].replace(b"created", b"updated")
STRANGE = b'{"kind":"case.created"}'


class Mutation(NamedTuple):
    """``what`` says it in words; with ``old`` the verifiers are given a checkpoint that was kept from before."""

    what: str
    do: Callable[[Path], None]
    old: bool = False


def bundle_of(entries: list[bytes]) -> Callable[[Path], None]:
    """Put these entries into the victim's bundle, whatever their number, and leave the rest alone."""
    return lambda directory: put(directory, path("entries", TILE, 256), bundle(entries))


def neighbours() -> list[bytes]:
    return ENTRIES[TILE * 256 : TILE * 256 + 256]


def with_victim(*instead: bytes) -> list[bytes]:
    several = neighbours()
    return several[:PLACE] + list(instead) + several[PLACE + 1 :]


def swapped() -> list[bytes]:
    return [*with_victim(ENTRIES[VICTIM + 1])[: PLACE + 1], ENTRIES[VICTIM], *neighbours()[PLACE + 2 :]]


def everywhere(*instead: bytes) -> list[bytes]:
    return ENTRIES[:VICTIM] + list(instead) + ENTRIES[VICTIM + 1 :]


def flip_entry_and_hash(directory: Path) -> None:
    bundle_of(with_victim(ALTERED))(directory)
    tile = directory / path("0", TILE, 256)
    row = tile.read_bytes()
    tile.write_bytes(row[: PLACE * 32] + sha256(b"\x00" + ALTERED) + row[PLACE * 32 + 32 :])


def flip_byte(name: str, at: int) -> Callable[[Path], None]:
    def flip(directory: Path) -> None:
        content = bytearray((directory / name).read_bytes())
        content[at] ^= 1
        (directory / name).write_bytes(bytes(content))

    return flip


def cut(name: str, left: int) -> Callable[[Path], None]:
    return lambda directory: put(directory, name, (directory / name).read_bytes()[:left])


def remove(name: str) -> Callable[[Path], None]:
    return lambda directory: (directory / name).unlink()


def checkpoint(made: Callable[[int, bytes], bytes]) -> Callable[[Path], None]:
    top = root([sha256(b"\x00" + entry) for entry in ENTRIES])
    return lambda directory: put(directory, "checkpoint", made(SIZE, top))


def blank_line(directory: Path) -> None:
    put(directory, "checkpoint", (directory / "checkpoint").read_bytes() + b"\n")


def end_with_another(directory: Path) -> None:
    put(directory, LAST, bundle([*ENTRIES[768:], STRANGE]))


MUTATIONS = (
    Mutation("one byte of an entry flipped", flip_byte(path("entries", TILE, 256), 5_000)),
    Mutation("an entry replaced, and its hash in the tile", flip_entry_and_hash),
    Mutation("an entry replaced, every tile derived anew", lambda to: rewrite(to, everywhere(ALTERED))),
    Mutation("an entry dropped from its bundle", bundle_of(with_victim())),
    Mutation("an entry dropped, every tile derived anew", lambda to: rewrite(to, everywhere())),
    Mutation("two entries swapped", bundle_of(swapped())),
    Mutation(
        "two entries swapped, every tile derived anew",
        lambda to: rewrite(to, [*ENTRIES[:VICTIM], ENTRIES[VICTIM + 1], ENTRIES[VICTIM], *ENTRIES[VICTIM + 2 :]]),
    ),
    Mutation("an entry inserted into a bundle", bundle_of(with_victim(STRANGE, ENTRIES[VICTIM]))),
    Mutation(
        "an entry inserted, every tile derived anew", lambda to: rewrite(to, everywhere(STRANGE, ENTRIES[VICTIM]))
    ),
    Mutation("an entry put after the last", end_with_another),
    Mutation("the last bundle cut short", cut(LAST, 5_000)),
    Mutation("the last 100 entries cut off, every tile derived anew", lambda to: rewrite(to, ENTRIES[:-100])),
    Mutation("a bundle removed", remove(path("entries", TILE, 256))),
    Mutation("one hash in a tile of leaves flipped", flip_byte(path("0", TILE, 256), PLACE * 32)),
    Mutation("a tile of leaves cut short", cut(path("0", TILE, 256), 8_160)),
    Mutation("one hash in a tile of tiles flipped", flip_byte(path("1", 0, 3), 32)),
    Mutation("a tile of tiles removed", remove(path("1", 0, 3))),
    Mutation("the checkpoint signed by another key", checkpoint(lambda size, top: note(size, top, OTHER_KEY))),
    Mutation(
        "the checkpoint of another log", checkpoint(lambda size, top: note(size, top, origin="other.example/log"))
    ),
    Mutation(
        "the checkpoint about another log, under this log's name and key",
        checkpoint(lambda size, top: note(size, top, origin="other.example/log", signed_as="countersign.example/log")),
    ),
    Mutation("the size in the checkpoint altered", flip_byte("checkpoint", 27)),
    Mutation("an empty line after the checkpoint", blank_line),
    Mutation(
        "a replaced entry, derived and signed anew with the true key",
        lambda to: rewrite(to, everywhere(ALTERED), KEY),
        old=True,
    ),
    Mutation(
        "the last 100 entries cut off, signed anew with the true key",
        lambda to: rewrite(to, ENTRIES[:-100], KEY),
        old=True,
    ),
    Mutation("an older state of the log put back", lambda to: rewrite(to, ENTRIES[:600], KEY), old=True),
)


def made(directory: Path, mutation: Mutation) -> Path | None:
    """Write the log, tamper with it, and return the old checkpoint's file if one was kept."""
    kept = write_log(directory, ENTRIES)
    mutation.do(directory)
    if not mutation.old:
        return None
    put(directory.parent, directory.name + ".old", kept)
    return directory.parent / (directory.name + ".old")

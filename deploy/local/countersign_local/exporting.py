"""Making a directory of the log's stream of entries: the layout of C2SP tlog-tiles, which any file server can serve.

Every file is written aside and put in its place whole, the checkpoint last: at any moment the directory is a log that
verifies, or none yet. What is there already is not fetched again.
"""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

from countersign_audit.domain.note import Checkpoint, NoteError, parse_checkpoint
from countersign_audit.domain.tiles import WIDTH, Edge, FullTile, open_tiles, tile_path
from countersign_audit.domain.tree import leaf_hash
from countersign_local.errors import CONFIGURATION, IO, NOT_RIGHT, UNAVAILABLE, CommandError

CHECKPOINT = "checkpoint"
ASIDE = ".new"
LENGTH_BYTES = 2

Fetch = Callable[[int, int], AsyncIterator[bytes]]
"""(first entry, size of the log) -> the entries from there on, each after its length, in pieces of any size."""
Progress = Callable[[int, int], None]


def read_note(note: bytes) -> Checkpoint:
    """Return what a checkpoint says, unverified: to verify is for who holds the key."""
    try:
        return parse_checkpoint(note.decode().partition("\n\n")[0] + "\n")
    except (NoteError, UnicodeDecodeError) as error:
        raise CommandError(f"The audit service gave no checkpoint: {error}", UNAVAILABLE) from error


@dataclass(frozen=True)
class Exported:
    """What an export brought: the entries that were fetched, and those of them that the directory did not have.

    An open bundle is fetched anew as a whole.
    """

    fetched: int
    new: int


async def export(directory: Path, note: bytes, fetch: Fetch, progress: Progress) -> Exported:
    """Bring a directory up to a checkpoint."""
    target = read_note(note)
    try:
        before = _held_of(directory, target)
        writer = _Writer(directory)
        writer.take_up(target.size)
        begin = writer.edge.size
        progress(begin, target.size)
        if begin < target.size:
            async for piece in fetch(begin, target.size):
                writer.feed(piece)
                progress(writer.edge.size, target.size)
        writer.finish(target, note)
    except OSError as error:
        raise CommandError(
            # A disk that is full does not say for which file.
            f"{error.filename or directory}: {error.strerror}. Name a directory that is yours, empty or an export of "
            "this log, on a disk with room for it; what is there of this export is gone on with.", IO,
        ) from error  # fmt: skip
    return Exported(fetched=target.size - begin, new=target.size - max(before, begin))


class _Writer:
    """Cuts the stream into bundles and derives the tiles above them."""

    def __init__(self, directory: Path) -> None:
        self.edge = Edge()
        self._taken_up = 0
        self._directory = directory
        self._buffer = bytearray()
        self._bundle_from = 0
        self._at = 0
        self._hashes: list[bytes] = []

    def take_up(self, size: int) -> None:
        """Go on after the full bundles that are there already, as far as the log reaches."""
        for number in range(size // WIDTH):
            row = self._row_of(number)
            if row is None:
                return
            self._grow(row)
            self._taken_up = self.edge.size

    def _row_of(self, number: int) -> list[bytes] | None:
        """Return the hashes of a full bundle, None where it is not there, or is not what its tile says."""
        try:
            bundle = (self._directory / tile_path("entries", number)).read_bytes()
            tile = (self._directory / tile_path(0, number)).read_bytes()
        except FileNotFoundError:
            return None
        hashes, at = [], 0
        while at < len(bundle):
            begin = at + LENGTH_BYTES
            at = begin + int.from_bytes(bundle[at:begin], "big")
            hashes.append(leaf_hash(bundle[begin:at]))
        # A crash may have left either without its bytes.
        return hashes if tile == b"".join(hashes) and len(hashes) == WIDTH and at == len(bundle) else None

    def feed(self, piece: bytes) -> None:
        """Take more of the stream."""
        self._buffer += piece
        view, end = self._buffer, len(self._buffer)
        while self._at + LENGTH_BYTES <= end:
            begin = self._at + LENGTH_BYTES
            after = begin + int.from_bytes(view[self._at : begin], "big")
            if after > end:
                break
            self._hashes.append(leaf_hash(bytes(view[begin:after])))
            self._at = after
            if len(self._hashes) == WIDTH:
                self._put_bundle()
        del self._buffer[: self._bundle_from]
        self._at, self._bundle_from = self._at - self._bundle_from, 0

    def finish(self, target: Checkpoint, note: bytes) -> None:
        """Write the open tiles and, when all of it has the signed root, the checkpoint."""
        if (size := self.edge.size + len(self._hashes)) != target.size:
            ended = f"The stream ended after {size:,} of {target.size:,} entries"
            raise CommandError(f"{ended}: run the command again, it goes on.", UNAVAILABLE)
        if self._hashes:
            self._put_bundle()
        if self.edge.root() != target.root and not self._taken_up:
            raise CommandError(
                "The entries that the audit service gave do not have the root that their checkpoint signs: the log was"
                " changed. Tell those who answer for it: `countersign audit verify`, where its database is, names the"
                " place.", NOT_RIGHT,
            )  # fmt: skip
        if self.edge.root() != target.root:
            raise CommandError(
                f"What is in {self._directory} does not have the root of the checkpoint: it is of another log, or was "
                "changed. Export into an empty directory.", CONFIGURATION,
            )  # fmt: skip
        for tile, row in zip(open_tiles(target.size), self.edge.rows, strict=True):
            if tile.width:
                self._put(tile_path(tile.level, tile.number, tile.width), row)
        self._put(CHECKPOINT, note)

    def _put_bundle(self) -> None:
        bundle = bytes(self._buffer[self._bundle_from : self._at])
        self._put(tile_path("entries", self.edge.size // WIDTH, len(self._hashes)), bundle)
        self._grow(self._hashes)
        self._hashes, self._bundle_from = [], self._at

    def _grow(self, hashes: list[bytes]) -> None:
        self.edge, full = self.edge.grown(hashes)
        for tile in full:
            self._put_tile(tile)

    def _put_tile(self, tile: FullTile) -> None:
        path = tile_path(tile.level, tile.number)
        there = self._directory / path
        if not there.is_file() or there.read_bytes() != tile.hashes:
            self._put(path, tile.hashes)

    def _put(self, name: str, content: bytes) -> None:
        path = self._directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_name(path.name + ASIDE)
        aside.write_bytes(content)
        aside.replace(path)


def _held_of(directory: Path, target: Checkpoint) -> int:
    """Return how many entries the directory's checkpoint covers, 0 without one; refuse what is not of this log."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / CHECKPOINT
    if not path.exists():
        if not {entry.name for entry in directory.iterdir()} <= {"tile", CHECKPOINT + ASIDE}:
            raise CommandError(f"{directory} holds something else: export into an empty directory.", CONFIGURATION)
        return 0
    there = read_note(path.read_bytes())
    if there.origin != target.origin or there.size > target.size:
        raise CommandError(
            f"{directory} holds {there.size:,} entries of {there.origin}; the log is {target.origin} with "
            f"{target.size:,}. Export into an empty directory, and ask why.", CONFIGURATION,
        )  # fmt: skip
    return there.size

"""A whole exported log: every entry hashed, every tile and the root derived again, compared with the signed word."""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from countersign_verifier.findings import Report
from countersign_verifier.layout import CHECKPOINT, WIDTH, read_hashes, read_tile, tile_path, widths
from countersign_verifier.leaf import said_in
from countersign_verifier.lineage import Signer, open_old, read_lineage
from countersign_verifier.note import Checkpoint, NoteError, VerifierKey, open_checkpoint
from countersign_verifier.tiles import BundleError, TileCheck, check_tiles, first_difference, hashes_of, split_bundle
from countersign_verifier.tree import HASH_BYTES, root_of

Progress = Callable[[int, int], None]
"""Called now and then with entries checked and entries in all."""

TILES_AT_ONCE = 16
"""4,096 entries a piece of work: about 15 ms, so that handing it over costs nothing and the bar moves."""
ALONE = 64
"""Tiles that one process has checked before a second one would have started."""
MANY_TILES = 65_536
"""A log that claims more has to have them before any memory is taken for what is found about each."""


class OldCheckpointError(Exception):
    """The checkpoint from earlier was signed by no key of this log."""


def verify_log(
    directory: Path, key: VerifierKey, *, old: bytes | None = None, processes: int = 1,
    progress: Progress | None = None,
) -> Report:  # fmt: skip
    """Verify an exported log; ``old`` is a checkpoint kept from earlier, signed by this key or one before it.

    A directory without a readable checkpoint is an ``OSError``, an old checkpoint that no key of the log signed an
    ``OldCheckpointError``; all that is wrong with the log is in the report.
    """
    report = Report(key.name)
    note = (directory / CHECKPOINT).read_bytes()
    try:
        checkpoint = open_checkpoint(note, key)
    except NoteError as error:
        report.found(0, f"the checkpoint proves nothing: {error}")
        return report
    report.size, report.root = checkpoint.size, checkpoint.root.hex()
    if (missing := _first_missing(directory, checkpoint.size)) is not None:
        path = tile_path("entries", missing, WIDTH)
        report.found(missing * WIDTH, f"{path} is not there, but was signed", checkpoint.size - 1)
        return report
    checks = list(_checked(directory, checkpoint.size, processes, progress))
    _judge(report, directory, checkpoint, checks)
    own = [(check.number * WIDTH + place, leaf) for check in checks for place, leaf in check.own]
    signers = read_lineage(report, own, key) if report.ok and report.size else [Signer(key)]
    if old is not None:
        _compare_old(report, directory, checkpoint, old, signers, checks)
    if report.ok:
        _read_newest(report, directory)
    return report


def _first_missing(directory: Path, size: int) -> int | None:
    """Return the number of the first bundle that a large log does not have; None for one that has all, or is small."""
    full = size // WIDTH
    if full <= MANY_TILES:
        return None
    return next((number for number in range(full) if not (directory / tile_path("entries", number)).exists()), None)


def _compare_old(
    report: Report, directory: Path, checkpoint: Checkpoint, note: bytes, signers: list[Signer], checks: list[TileCheck]
) -> None:
    try:
        old, signer = open_old(note, signers)
    except NoteError as error:
        raise OldCheckpointError(str(error)) from error
    report.old_size = old.size
    if signer.until is not None and old.size > signer.until:
        report.found(
            signer.until, f"were lost, as entry {signer.until} says; the old checkpoint covers them", old.size - 1
        )
        return
    _compare(report, directory, checkpoint, old, checks)


def _checked(directory: Path, size: int, processes: int, progress: Progress | None) -> Iterator[TileCheck]:
    todo = widths(size)
    pieces = [(directory, at, todo[at : at + TILES_AT_ONCE]) for at in range(0, len(todo), TILES_AT_ONCE)]
    with contextlib.ExitStack() as stack:
        results: Iterable[list[TileCheck]] = map(check_tiles, pieces)
        if processes > 1 and len(todo) > ALONE:
            pool = stack.enter_context(ProcessPoolExecutor(processes, mp_context=get_context("spawn")))
            results = pool.map(check_tiles, pieces)
        done = 0
        for (_, _, several), found in zip(pieces, results, strict=True):
            yield from found
            done += sum(several)
            if progress is not None:
                progress(done, size)


def _judge(report: Report, directory: Path, checkpoint: Checkpoint, checks: list[TileCheck]) -> None:
    """Compare with the signed root, and where that differs find whom to believe: it has signed one of them."""
    derived, stated = ([getattr(check, name) for check in checks] for name in ("derived", "stated"))
    if _root(derived) == checkpoint.root:
        # The entries are what was signed; only the hashes beside them may be wrong.
        _name_each(report, checks)
        _compare_upper_tiles(report, directory, checkpoint.size, derived)
        return
    candidates = (stated, _upper_hashes(directory, checkpoint.size, stated))
    believed = next((row for row in candidates if _root(row) == checkpoint.root), None)
    if believed is None:
        _name_each(report, checks)
        what = "do not hash to the root that was signed" if checkpoint.size else "an empty log has another root"
        report.found(0, what, checkpoint.size - 1)
        return
    for check, root in zip(checks, believed, strict=True):
        if check.derived == root:
            continue
        first = check.number * WIDTH
        if check.stated == root and check.place is not None:
            report.found(first + check.place, check.what)
        else:
            last = min(first + WIDTH, checkpoint.size) - 1
            report.found(first, "do not hash to what the signed root says about them", last)


def _name_each(report: Report, checks: list[TileCheck]) -> None:
    for check in checks:
        if check.place is not None:
            report.found(check.number * WIDTH + check.place, check.what)


def _root(row: list[bytes | None]) -> bytes | None:
    # A partial tile's own root goes up alone, just as its entries would: see `root_of`.
    known = [root for root in row if root is not None]
    return root_of(b"".join(known)) if len(known) == len(row) else None


def _upper_hashes(directory: Path, size: int, stated: list[bytes | None]) -> list[bytes | None]:
    """Return what the tiles of level 1 say about those of level 0; a partial one they say nothing about."""
    row: list[bytes | None] = []
    for number, width in enumerate(widths(size, 1)):
        with contextlib.suppress(OSError):
            tile = read_hashes(directory, 1, number, width)
            row += [tile[at : at + HASH_BYTES] for at in range(0, len(tile), HASH_BYTES)]
    return row[: size // WIDTH] + stated[size // WIDTH :]


def _compare_upper_tiles(report: Report, directory: Path, size: int, derived: list[bytes | None]) -> None:
    row, level = b"".join(root for root in derived[: size // WIDTH] if root is not None), 1
    while row:
        for number, width in enumerate(widths(size, level)):
            expected = row[number * WIDTH * HASH_BYTES :][: width * HASH_BYTES]
            path, first, step = tile_path(level, number, width), number * WIDTH ** (level + 1), WIDTH**level
            try:
                tile = read_hashes(directory, level, number, width)
            except OSError as error:
                report.found(first, f"{path} cannot be read: {error.strerror}", first + width * step - 1)
                continue
            if tile != expected:
                first += first_difference(expected, tile) * step
                report.found(first, f"{path} is not made of their hashes", first + step - 1)
        whole = len(row) // HASH_BYTES // WIDTH * WIDTH * HASH_BYTES
        step = WIDTH * HASH_BYTES
        row, level = b"".join(root_of(row[at : at + step]) for at in range(0, whole, step)), level + 1


def _compare(report: Report, directory: Path, checkpoint: Checkpoint, old: Checkpoint, checks: list[TileCheck]) -> None:
    if old.size > checkpoint.size:
        report.found(checkpoint.size, "missing: a checkpoint was signed over them before", old.size - 1)
        return
    number, width = divmod(old.size, WIDTH)
    row = [check.derived for check in checks[:number]]
    if width:
        try:
            last = hashes_of(directory, number, min(WIDTH, checkpoint.size - number * WIDTH))
            row.append(root_of(last[: width * HASH_BYTES]))
        except (OSError, BundleError):
            row.append(None)
    if _root(row) != old.root:
        report.found(0, f"were rewritten since the old checkpoint over {old.size} entries was signed", old.size - 1)


def _read_newest(report: Report, directory: Path) -> None:
    """Read when the newest entry that says so happened."""
    if not report.size:
        return
    newest = _entries(directory, len(widths(report.size)) - 1, widths(report.size)[-1])
    times = ((said_in(leaf) or {}).get("occurred_at") for leaf in reversed(newest))
    report.newest_at = next((time for time in times if isinstance(time, str)), None)


def _entries(directory: Path, number: int, width: int) -> list[bytes]:
    return split_bundle(read_tile(directory, "entries", number, width)[0])[:width]

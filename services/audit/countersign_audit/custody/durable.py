"""Files that a power failure must not take back: their bytes first, then their names."""

import os
from pathlib import Path


def put(path: Path, content: bytes) -> None:
    """Write a file, or a newer one in its place, and return once it outlives a crash; nobody ever sees half of it."""
    fresh = path.with_name(f".{path.name}.new")
    with fresh.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    settle(path.parent)


def make_directory(directory: Path, mode: int = 0o777) -> None:
    """Make a directory and what is missing above it, durably; one that is there stays as it is."""
    missing = [path for path in (directory, *directory.parents) if not path.exists()]
    directory.mkdir(mode=mode, parents=True, exist_ok=True)
    for path in missing:
        settle(path.parent)


def settle(directory: Path) -> None:
    """Return once a crash can take back no name that was given or taken in a directory."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

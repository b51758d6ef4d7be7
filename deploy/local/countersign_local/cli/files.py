"""Files that commands read and write, with one answer for whoever named one that cannot be."""

import os
from pathlib import Path

from countersign_local.errors import IO, NO_INPUT, NOT_RIGHT, CommandError


def read_bytes(path: Path) -> bytes:
    """Return what a file holds; a ``CommandError`` (66) says why it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise unreadable(path, error) from error


def read_text(path: Path) -> str:
    """Return a file as text; a ``CommandError`` says why it cannot be read (66), or that it is no text (1)."""
    try:
        return read_bytes(path).decode("utf-8")
    except UnicodeDecodeError as error:
        raise CommandError(f"{path} is no text: it is not UTF-8.", NOT_RIGHT) from error


def unreadable(path: Path | str, error: OSError) -> CommandError:
    """Say of a file that was named that it cannot be read."""
    return CommandError(f"{path} cannot be read: {error.strerror}.", NO_INPUT)


def unwritable(path: Path | str, error: OSError) -> CommandError:
    """Say of a file that was named that it cannot be written."""
    return CommandError(f"{path} cannot be written: {error.strerror}.", IO)


def check_writable(path: Path, *, new: bool = False) -> None:
    """Refuse a file that cannot be written, or is there already where it must be ``new``, before anything is asked."""
    if path.is_dir():
        raise CommandError(f"{path} cannot be written: it is a directory.", IO)
    if new and path.exists():
        raise CommandError(f"{path} is there already: name another file.", IO)
    if not path.parent.is_dir():
        raise CommandError(f"{path} cannot be written: there is no directory {path.parent}.", IO)
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise CommandError(f"{path} cannot be written: it is not allowed.", IO)


def write_picture(path: Path, picture: str) -> None:
    """Write a picture."""
    try:
        path.write_text(picture, encoding="utf-8")
    except OSError as error:
        raise unwritable(path, error) from error

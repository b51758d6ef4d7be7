"""Files that the policy commands read and write, with an answer for whoever named one that cannot be."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from countersign_local.errors import NOT_RIGHT, CommandError

if TYPE_CHECKING:
    from countersign_router.language.diagnostics import Diagnostic


def read_bytes(path: Path) -> bytes:
    """Return what a policy file holds."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}.", NOT_RIGHT) from error


def read_text(path: Path) -> str:
    """Return a policy file as text, for a request that carries it."""
    try:
        return read_bytes(path).decode("utf-8")
    except UnicodeDecodeError as error:
        raise CommandError(f"{path} is no text: it is not UTF-8.", NOT_RIGHT) from error


def unusable(path: Path, text: str, found: "Iterable[Diagnostic | Mapping[str, Any]]") -> CommandError:
    """Say all that keeps a policy from being used, as `policy check` does."""
    from countersign_local.cli.policy_listing import listed
    from countersign_router.language.diagnostics import Diagnostic

    lines = text.splitlines()
    problems = [one if isinstance(one, Diagnostic) else Diagnostic(**one) for one in found]
    shown = "\n".join(line for one in problems for line in listed(path, lines, one))
    return CommandError(f"The policy cannot be used.\n{shown}", NOT_RIGHT)


def check_writable(path: Path) -> None:
    """Refuse a place where nothing can be written, before long work is done for it."""
    if path.is_dir():
        raise CommandError(f"{path} cannot be written: it is a directory.", NOT_RIGHT)
    if not path.parent.is_dir():
        raise CommandError(f"{path} cannot be written: there is no directory {path.parent}.", NOT_RIGHT)
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise CommandError(f"{path} cannot be written: it is not allowed.", NOT_RIGHT)


def write_picture(path: Path, picture: str) -> None:
    """Write a picture."""
    try:
        path.write_text(picture, encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror}.", NOT_RIGHT) from error

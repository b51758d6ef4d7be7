"""Where the log's keys are, for the commands that need them."""

import os
from pathlib import Path
from typing import Annotated

import typer

from countersign_local.errors import USAGE, CommandError
from countersign_local.state import known_state_directory

KeysOption = Annotated[Path | None, typer.Option(help="The log's keys; unset: AUDIT_KEYS_DIR, else local.")]


def keys_directory(named: Path | None) -> Path | None:
    """Return the directory of the log's keys: the one named, AUDIT_KEYS_DIR, or the local system's; None for none."""
    if named is not None:
        return named
    if configured := os.environ.get("AUDIT_KEYS_DIR"):
        fallback = Path(configured)
    elif (state := known_state_directory(os.environ)) is not None:
        fallback = state / "audit-keys"
    else:
        return None
    return fallback if fallback.is_dir() else None


def keys_at_hand(named: Path | None) -> Path:
    """Return the directory of the log's keys, or end with what to do."""
    directory = keys_directory(named)
    if directory is None:
        raise CommandError("The log's keys are not here: name their directory with --keys.", USAGE)
    return directory

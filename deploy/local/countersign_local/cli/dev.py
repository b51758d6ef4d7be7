"""countersign dev: the system without demo cases, restarted when a source file changes."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from countersign_local.cli.output import print_text
from countersign_local.errors import BUSY, CONFIGURATION, USAGE, CommandError

_LOOK_SECONDS = 0.5
_SUFFIXES = {".py", ".sql", ".yaml"}
_MEMBERS = ("shared", "services", "deploy/local")
_HOPELESS = {BUSY, USAGE}
"""Ways to end that no change of a source file mends."""
_SKIPPED = {"node_modules", "__pycache__", "console"}


def dev(
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="[OPTION]...", help="As for demo, after `--`.")
    ] = None,
) -> None:
    """Run the system without demo cases and start it again whenever a source file changes; what it holds stays."""
    root = Path(__file__).resolve().parents[4]
    if not (root / "services").is_dir():
        raise CommandError("This needs the source tree: clone it and run `make dev`.", CONFIGURATION)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with suppress(KeyboardInterrupt):
        while True:
            _until_a_change(
                root, [sys.executable, "-m", "countersign_local", "demo", "--cases", "0", *(arguments or ())]
            )
            print_text("A source file changed: starting again.")


def _until_a_change(root: Path, command: list[str]) -> None:
    """Run a command until a source file changes, then end it; when it ends before, wait for the change."""
    seen = _newest(root)
    # In a session of its own: Ctrl-C reaches it through us, once.
    child = subprocess.Popen(command, start_new_session=True)
    try:
        ended = None
        while _newest(root) == seen:
            if ended is None and (ended := child.poll()) is not None:
                if ended in _HOPELESS:
                    raise typer.Exit(ended)
                print_text("It ended; it starts again when a source file changes.")
            time.sleep(_LOOK_SECONDS)
    finally:
        if child.poll() is None:
            child.send_signal(signal.SIGINT)
        child.wait()


def _newest(root: Path) -> tuple[int, float]:
    times = [path.stat().st_mtime for path in _sources(root)]
    return len(times), max(times)


def _sources(root: Path) -> Iterator[Path]:
    for member in _MEMBERS:
        for directory, below, names in os.walk(root / member):
            below[:] = [name for name in below if name not in _SKIPPED and not name.startswith(".")]
            yield from (Path(directory) / name for name in names if Path(name).suffix in _SUFFIXES)

"""countersign dev: the system without demo cases, restarted when a source file changes."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from countersign_local.cli.output import print_text
from countersign_local.errors import CONFIGURATION, CommandError

_LOOK_SECONDS = 0.5
_SUFFIXES = {".py", ".sql", ".yaml"}
_MEMBERS = ("shared", "services", "deploy/local")
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
    while True:
        seen = _newest(root)
        child = subprocess.Popen(
            [sys.executable, "-m", "countersign_local", "demo", "--cases", "0", *(arguments or ())]
        )
        try:
            while child.poll() is None and _newest(root) == seen:
                time.sleep(_LOOK_SECONDS)
        except KeyboardInterrupt:
            child.wait()  # the terminal told it too
            return
        if child.poll() is not None:
            print_text("Ended. Waiting for a change ...")
            while _newest(root) == seen:
                time.sleep(_LOOK_SECONDS)
            continue
        print_text("A source file changed: starting again.")
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

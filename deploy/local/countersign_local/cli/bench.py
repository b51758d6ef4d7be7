"""countersign bench: the pipeline against raw Kafka, on this machine."""

import subprocess
import sys
from pathlib import Path

import typer

from countersign_local.errors import CONFIGURATION, CommandError

CONTEXT = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


def bench(context: typer.Context) -> None:
    """Measure throughput, latency and memory on a real Kafka; needs the source tree. Options: --json, --help, ..."""
    root = Path(__file__).resolve().parents[4]
    if not (root / "tests" / "bench" / "__main__.py").is_file():
        raise CommandError("The benchmark is part of the source tree: clone it and run `make bench`.", CONFIGURATION)
    finished = subprocess.run([sys.executable, "-m", "tests.bench", *context.args], cwd=root, check=False)
    raise typer.Exit(finished.returncode)

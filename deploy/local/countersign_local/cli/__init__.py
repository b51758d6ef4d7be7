"""The command `countersign`."""

import sys

from countersign_local.cli.ending import ended_by


def main() -> None:
    """Run the command line; an expected failure is one message and a documented exit code, never a traceback."""
    sys.exit(ended_by(_run))


def _run() -> None:
    # Loading it is most of a start, and may be interrupted like anything else.
    from countersign_local.cli.commands import build

    build()(standalone_mode=True)

"""The command `countersign`."""

import sys

from countersign_local.cli.ending import ended_by


def main() -> None:
    """Run the command line; an expected failure is one message and a documented exit code, never a traceback."""
    from countersign_local.cli.commands import build

    sys.exit(ended_by(lambda: build()(standalone_mode=True)))

"""Asking before something that matters is done."""

import sys

import typer

from countersign_local.errors import NOT_RIGHT, USAGE, CommandError


def check_somebody_is_there() -> None:
    """Refuse to ask where nobody could answer."""
    if not sys.stdin.isatty():
        raise CommandError("There is nobody to ask here: give --yes to do it without a question.", USAGE)


def confirm(question: str) -> None:
    """Return when the answer is yes; everything else has changed nothing, and says so.

    Ctrl-C at the question is an interruption like any other, and no answer.
    """
    try:
        yes = typer.confirm(question)
    except typer.Abort as left:
        print(file=sys.stderr)  # the cursor still stands behind the question
        if isinstance(left.__context__, KeyboardInterrupt):
            print("countersign: interrupted. Nothing was changed.", file=sys.stderr)
            raise KeyboardInterrupt from left
        yes = False
    if not yes:
        raise CommandError("Nothing was changed.", NOT_RIGHT)

"""What the policy commands read beside a policy, and say of a file that cannot be used."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from countersign_local.errors import NOT_RIGHT, CommandError

if TYPE_CHECKING:
    from countersign_router.language.diagnostics import Diagnostic


TypesOption = Annotated[
    Path | None, typer.Option("--decision-types", help="Unset: DECISION_TYPES_DIR, else those that come along.")
]


def types_directory(named: Path | None) -> Path | None:
    """Return the directory of decision types: the one named, else the environment's, else None for the packaged."""
    fallback = os.environ.get("DECISION_TYPES_DIR")
    return named or (Path(fallback) if fallback else None)


def unusable(path: Path, text: str, found: "Iterable[Diagnostic | Mapping[str, Any]]") -> CommandError:
    """Say all that keeps a policy from being used, as `policy check` does."""
    from countersign_local.cli.policy_listing import listed
    from countersign_router.language.diagnostics import Diagnostic

    lines = text.splitlines()
    problems = [one if isinstance(one, Diagnostic) else Diagnostic(**one) for one in found]
    shown = "\n".join(line for one in problems for line in listed(path, lines, one))
    return CommandError(f"The policy cannot be used.\n{shown}", NOT_RIGHT)

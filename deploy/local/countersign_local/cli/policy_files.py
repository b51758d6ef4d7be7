"""What the policy commands say of a file that cannot be used."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from countersign_local.errors import NOT_RIGHT, CommandError

if TYPE_CHECKING:
    from countersign_router.language.diagnostics import Diagnostic


def unusable(path: Path, text: str, found: "Iterable[Diagnostic | Mapping[str, Any]]") -> CommandError:
    """Say all that keeps a policy from being used, as `policy check` does."""
    from countersign_local.cli.policy_listing import listed
    from countersign_router.language.diagnostics import Diagnostic

    lines = text.splitlines()
    problems = [one if isinstance(one, Diagnostic) else Diagnostic(**one) for one in found]
    shown = "\n".join(line for one in problems for line in listed(path, lines, one))
    return CommandError(f"The policy cannot be used.\n{shown}", NOT_RIGHT)

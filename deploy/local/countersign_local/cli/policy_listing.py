"""What is wrong with a policy file, printed as compilers do: where, the line, a caret, and what to write instead."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from countersign_local.cli.output import harmless

if TYPE_CHECKING:
    from countersign_router.language.diagnostics import Diagnostic

WIDEST = 140
"""Characters of a line that are shown; a longer one is cut around the caret."""
_STYLES = {"error": "bold red", "warning": "bold yellow"}


def print_listing(path: Path, problems: Sequence["Diagnostic"]) -> None:
    """Print everything that is wrong with a file, or that it is fine."""
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, markup=False, soft_wrap=True)
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    for one in problems:
        for line in listed(path, lines, one):
            said = Text(line)
            said.highlight_words([f"{one.severity}:"], _STYLES[one.severity])
            if set(line) <= set("| ^\t") and "^" in line:
                said.stylize(_STYLES[one.severity])
            console.print(said)
    wrong = sum(one.severity == "error" for one in problems)
    console.print(f"{path}: {_counted(wrong, len(problems) - wrong)}")


def listed(path: Path, lines: Sequence[str], one: "Diagnostic") -> Iterator[str]:
    """Give the lines that tell of one problem; ``lines`` are those of the file."""
    place = f"{path}:{one.line}:{one.column}" if one.line else str(path)
    named = f" ({one.path})" if one.path else ""
    yield harmless(f"{place}: {one.severity}: {one.message}{named}")
    if 0 < one.line <= len(lines):
        yield from _drawn(lines[one.line - 1], one)
    if one.hint:
        yield harmless(f"  = {one.hint}")


def _drawn(line: str, one: "Diagnostic") -> Iterator[str]:
    gutter = f"{one.line:>5} | "
    column = max(one.column - 1, 0)
    first = max(column - WIDEST // 2, 0) if len(line) > WIDEST else 0
    shown, before = line[first : first + WIDEST], line[first:column]
    marked = line[column : column + max(min(one.length, WIDEST), 1)]
    yield gutter + harmless(shown)
    # What stands before the caret keeps its width: tabs as they are, what is spelled out at its length.
    space = "".join("\t" if char == "\t" else " " * len(harmless(char)) for char in before)
    yield " " * (len(gutter) - 2) + "| " + space + "^" * max(len(harmless(marked.rstrip())), 1)


def _counted(errors: int, warnings: int) -> str:
    if not errors:
        return f"fine, with {_many(warnings, 'warning')}" if warnings else "fine"
    return _many(errors, "error") + (f", {_many(warnings, 'warning')}" if warnings else "")


def _many(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"

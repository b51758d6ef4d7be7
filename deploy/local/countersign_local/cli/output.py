"""Printing: JSON for programs, tables for people."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.table import Table

from countersign_local.cli.layout import GAP, column_widths, field_lines

if TYPE_CHECKING:
    from rich.progress import Progress

_PIPED_WIDTH = 200
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]


def print_json(value: object) -> None:
    """Print one value as one line of JSON."""
    print(orjson.dumps(value, default=str).decode())


def progress_bar(*, json: bool) -> "Progress":
    """Return a bar on standard error, which shows nothing where nobody looks."""
    from rich.progress import Progress

    return Progress(console=Console(stderr=True), transient=True, disable=json or not sys.stderr.isatty())


def harmless(text: str) -> str:
    """Spell out what would steer a terminal or turn its text around; lines and tabs stay."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char in "\n\t\xa0\u202f" else repr(char)[1:-1] for char in text)


def print_text(text: str) -> None:
    """Print words; square brackets are theirs, not markup, and what strangers wrote steers no terminal."""
    Console(highlight=False, markup=False, soft_wrap=True).print(harmless(text))


def one_line(text: str) -> str:
    """Spell out line ends too, where what a stranger wrote must not look like a line of ours."""
    return harmless(text).replace("\n", "\\n")


def print_line(text: str) -> None:
    """Print words that stay one line whatever a stranger wrote in them."""
    print_text(one_line(text))


def print_table(rows: Iterable[Mapping[str, Any]], columns: Sequence[str], *, title: str | None = None) -> None:
    """Print rows as a table with these columns; what is missing is left empty.

    On a terminal that is too narrow for its words, the fields of each row follow one another.
    """
    names = [column.replace("_", " ") for column in columns]
    cells = [[_cell(row.get(column)) for column in columns] for row in rows]
    console = wide_when_piped()
    widths = column_widths([names, *cells], console.width if console.is_terminal else None)
    if widths is None:
        blocks = ["\n".join(field_lines(names, row, console.width)) for row in cells]
        console.print("\n\n".join([*([title] if title else []), *blocks]), soft_wrap=True)
        return
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for name, width in zip(names, widths, strict=True):
        table.add_column(name, overflow="fold", width=width)
    for row in cells:
        table.add_row(*row)
    if not console.is_terminal:
        console.width = max(console.width, sum(widths) + GAP * len(widths))
    console.print(table, soft_wrap=not console.is_terminal)


def wide_when_piped() -> Console:
    """Return standard output; what is piped somewhere is not folded to the width of a terminal that is not there."""
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console.width = _PIPED_WIDTH
    return console


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return one_line(", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value))

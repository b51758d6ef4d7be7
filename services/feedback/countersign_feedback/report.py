"""The summary for people: tables for a terminal, a picture for a file.

Works on the JSON that ``GET /api/feedback/v1/summary`` answers, so that the command line needs no database.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from countersign_feedback.domain.figures import Figures, Proportion, between, weighted
from countersign_feedback.domain.picture import draw
from countersign_feedback.domain.summary import Group, MatrixCell, Summary, TypeSummary, nothing_found, scope_line
from countersign_shared.shares import percent

if TYPE_CHECKING:
    from rich.console import Console

BESIDE = 60
"""Columns of a terminal that a table needs beside its names for its words to stay whole."""
COLUMNS = ("", "cases", "waiting", "automatic", "overridden", "wrong among automatic")


@dataclass(frozen=True, slots=True)
class Sheet:
    """One table as plain text: a title, headed columns, and a sentence on how to read it."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str


def read_summary(answer: Mapping[str, Any]) -> Summary:
    """Return the summary that a JSON answer holds; one of another shape is a pydantic ``ValidationError``."""
    return TypeAdapter(Summary).validate_python(dict(answer))


def sheets(summary: Summary) -> tuple[Sheet, ...]:
    """Return one table per decision type: everything, then per tier, band, level, cell, reason and model."""
    return tuple(
        Sheet(kind.decision_type, COLUMNS, tuple(_rows(kind)), summary.how_to_read) for kind in summary.decision_types
    )


def picture(summary: Summary) -> str:
    """Return the summary as a self-contained SVG document."""
    return draw(summary)


def write_picture(summary: Summary, path: Path) -> None:
    """Write the picture to a file."""
    path.write_text(draw(summary), encoding="utf-8")


def print_report(summary: Summary, console: "Console") -> None:
    """Print the tables; needs ``rich``, which the command line brings along."""
    from rich.text import Text

    for sheet in sheets(summary):
        longest = max(len(row[0]) for row in sheet.rows)
        if longest + BESIDE <= console.width:
            _print_table(sheet, console)
        else:
            _print_list(sheet, console)
    console.print(Text(f"{scope_line(summary)}."))
    if not summary.decision_types:
        console.print(Text(nothing_found(summary.scope)))
    if summary.unplaced:
        console.print(f"{summary.unplaced:,} cases whose routing has not arrived yet are not counted.")
    console.print(Text(summary.how_to_read, style="dim"))


def _print_table(sheet: Sheet, console: "Console") -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(sheet.title, style="bold"), title_justify="left")
    for n, column in enumerate(sheet.columns):
        table.add_column(column, justify="right" if 0 < n < 3 else "left", overflow="fold", no_wrap=n == 0)  # noqa: PLR2004
    for row in sheet.rows:
        # Text, not markup: a reason code may hold square brackets.
        table.add_row(*(Text(value) for value in row), end_section=row is sheet.rows[0])
    console.print(table)


def _print_list(sheet: Sheet, console: "Console") -> None:
    from rich.text import Text

    console.print(Text(sheet.title, style="bold"))
    for name, *values in sheet.rows:
        console.print(Text(name))
        for column, value in zip(sheet.columns[1:], values, strict=True):
            console.print(Text(f"  {column}: {value}"))


def _rows(kind: TypeSummary) -> Iterator[tuple[str, ...]]:
    yield _row("all", kind.total)
    for word, groups in (("tier", kind.tiers), ("band", kind.bands), ("level", kind.levels)):
        yield from _named(word, groups)
    yield from (_row(f"tier {cell.tier}, band {cell.band}", cell.figures) for cell in _mixed(kind.cells))
    for word, groups in (("reason", kind.reasons), ("model", kind.models)):
        yield from _named(word, groups)


def _named(word: str, groups: tuple[Group, ...]) -> Iterator[tuple[str, ...]]:
    yield from (_row(f"{word} {group.name}", group.figures) for group in groups)


def _mixed(cells: tuple[MatrixCell, ...]) -> tuple[MatrixCell, ...]:
    # With a single tier or a single band the cells would repeat the rows above.
    tiers, bands = {cell.tier for cell in cells}, {cell.band for cell in cells}
    return cells if len(tiers) > 1 and len(bands) > 1 else ()


def _row(name: str, figures: Figures) -> tuple[str, ...]:
    counts = figures.counts
    return (
        name,
        f"{counts.cases:,}",
        f"{counts.waiting:,}",
        _cell(figures.automation, interval=False),
        _cell(figures.override),
        "; ".join(filter(None, (_cell(figures.audit_error), weighted(figures)))),
    )


def _cell(figure: Proportion, *, interval: bool = True) -> str:
    if figure.rate is None:
        return f"not enough yet ({figure.n:,} of {figure.needed:,})" if figure.n else "-"
    ends = f" {between(figure)}" if interval else ""
    return f"{percent(figure.rate)}{ends} ({figure.k:,} of {figure.n:,})"

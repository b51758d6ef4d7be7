"""How rows find room on a terminal: beside each other while no word has to be broken, else one field a line."""

import textwrap
from collections.abc import Iterator, Sequence

from rich.cells import cell_len

GAP = 2
"""Blanks between two columns."""
Cells = Sequence[Sequence[str]]


def column_widths(rows: Cells, room: int | None) -> list[int] | None:
    """Share ``room`` out among columns; None where a word would have to be broken. Without a room, all get theirs."""
    columns = list(zip(*rows, strict=True))
    most = [max(map(cell_len, column)) for column in columns]
    if room is None:
        return most
    least = [max(map(_longest_word, column)) for column in columns]
    left = room - GAP * (len(columns) - 1) - sum(least)
    if left < 0:
        return None
    # Columns that ask for little get it; what they leave is shared by the others.
    widths = list(least)
    asking = sorted(range(len(columns)), key=lambda number: most[number] - least[number])
    for place, number in enumerate(asking):
        given = min(most[number] - least[number], left // (len(asking) - place))
        widths[number] += given
        left -= given
    return widths


def field_lines(names: Sequence[str], row: Sequence[str], room: int) -> Iterator[str]:
    """Give a row as lines of one field each; a word that is longer than a line is left for the terminal to break."""
    indent = max(map(cell_len, names)) + GAP
    for name, text in zip(names, row, strict=True):
        if text:
            beginning = name + " " * (indent - cell_len(name))
            yield from textwrap.wrap(
                text, max(room, indent + 1), initial_indent=beginning, subsequent_indent=" " * indent,
                break_long_words=False, break_on_hyphens=False,
            )  # fmt: skip


def _longest_word(text: str) -> int:
    return max(map(cell_len, text.split()), default=0)

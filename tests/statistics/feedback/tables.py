"""Tables that a simulation found: printed, and held against the document that quotes them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

from tests.architecture.sources import ROOT

DOCUMENT = ROOT / "docs" / "certified-automation.md"
WRITE = "COUNTERSIGN_WRITE_TABLES"
"""Set to 1 to write what was found into the document instead of comparing."""


def show(name: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    lines = [columns, ["---"] * len(columns), *rows]
    found = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    print(f"\n{name}\n{found}")
    text = DOCUMENT.read_text(encoding="utf-8")
    start, end = f"<!-- found: {name} -->\n", f"\n<!-- end: {name} -->"
    before, _, rest = text.partition(start)
    quoted, closed, after = rest.partition(end)
    assert closed, f"{DOCUMENT.name} has no place for {name}"
    if os.environ.get(WRITE) == "1":
        DOCUMENT.write_text(before + start + found + end + after, encoding="utf-8")
    else:
        assert quoted == found, f"{DOCUMENT.name} quotes another table; {WRITE}=1 writes this one"

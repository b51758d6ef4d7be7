"""The matrix in force as a picture: each cell's level, its cases, and how often the machine was wrong there."""

from collections.abc import Iterator

from countersign_router.api.models.matrix import AuditedError, MatrixCell, MatrixView
from countersign_router.showing.drawing import SHORT_LEVELS, box, document, text
from countersign_shared.shares import between, percent

MARGIN, NAMES = 36, 92
CELL_WIDTH, CELL_HEIGHT, GAP = 236, 92, 6
SCALE = 0.2
"""Right end of the little axis under a cell, as a share of wrong decisions; what lies beyond is cut there."""


def draw(view: MatrixView) -> str:
    """Return the matrix as SVG text."""
    named = view.decision_type if view.policy is None else f"{view.policy.id}, version {view.policy.version}"
    width = 2 * MARGIN + NAMES + len(view.bands) * (CELL_WIDTH + GAP)
    body = [text(MARGIN, 46, named, "title"), text(MARGIN, 70, _scope(view), "mute")]
    tiers, bands = list(reversed(view.tiers)), list(reversed(view.bands))
    top = 92.0
    for cell in view.cells:
        x = MARGIN + NAMES + bands.index(cell.band) * (CELL_WIDTH + GAP)
        body += _cell(cell, x, top + tiers.index(cell.tier) * (CELL_HEIGHT + GAP))
    body += [
        text(MARGIN, top + row * (CELL_HEIGHT + GAP) + CELL_HEIGHT / 2 + 4, tier, "strong")
        for row, tier in enumerate(tiers)
    ]
    y = top + len(tiers) * (CELL_HEIGHT + GAP) + 14
    for column, band in enumerate(bands):
        middle = MARGIN + NAMES + column * (CELL_WIDTH + GAP) + CELL_WIDTH / 2
        body.append(text(middle, y, f"{band} confidence", "mute mid small"))
    for said in _notes(view):
        y += 24
        body.append(text(MARGIN, y, said, "small"))
    return document(width, y + 24, title=f"Matrix of {named}", description=_spoken(view), body=body)


def _scope(view: MatrixView) -> str:
    cases = sum(one.cases for one in view.by_level)
    return f"{cases_told(cases)} of {view.tenant or 'all tenants'} since {view.since:%Y-%m-%d %H:%M} UTC"


def _cell(cell: MatrixCell, x: float, y: float) -> Iterator[str]:
    yield box(x, y, CELL_WIDTH, CELL_HEIGHT, f"l{cell.level}")
    yield text(x + 10, y + 23, f"L{cell.level}", "big")
    yield text(x + CELL_WIDTH - 10, y + 22, SHORT_LEVELS[cell.level], "small end")
    yield text(x + 10, y + 44, counted(cell), "strong")
    if cell.automatic or cell.audited.judged:
        yield text(x + 10, y + 64, errors_told(cell.audited), "small")
    yield from _interval(cell.audited, x + 10, y + 78, CELL_WIDTH - 20)


def _interval(found: AuditedError, x: float, y: float, width: float) -> Iterator[str]:
    """Draw from where to where the share of wrong decisions may lie; nothing where nothing was judged."""
    if not found.kept:
        return
    left, right = (x + width * min(share, SCALE) / SCALE for share in (found.lower, found.upper))
    yield box(x, y, width, 4, "soft", radius=2)
    yield box(left, y, max(right - left, 2), 4, "bar", radius=2)


def _notes(view: MatrixView) -> Iterator[str]:
    if view.policy is None:
        yield "No policy is in force: every case goes to a person."
    if view.outside:
        yield f"{cases_told(view.outside)} reached no cell: abstentions, missing inputs, errors, no policy."
    if any(cell.audited.kept for cell in view.cells):
        yield f"The bar in a cell is the exact 95 % interval of wrong decisions, from 0 to {SCALE:.0%} and more."
    if any(cell.audited.kept != cell.audited.judged for cell in view.cells):
        yield "Where audits had differing chances it rests on fewer of them; the share is weighted over all."


def counted(cell: MatrixCell) -> str:
    """Say how many cases a cell got and how many of them the machine decided."""
    return f"{cases_told(cell.cases)}, {cell.automatic:,} automatic" if cell.cases else "no cases"


def cases_told(cases: int) -> str:
    """Say a number of cases."""
    return f"{cases:,} case{'' if cases == 1 else 's'}"


def errors_told(found: AuditedError) -> str:
    """Say how often the machine was wrong, with the interval and what it rests on."""
    if not found.judged:
        return "error: nothing judged yet"
    rate = "" if found.rate is None else f"{percent(found.rate)} "
    return f"error: {rate}{between(found.lower, found.upper)} %, {found.errors:,} of {found.judged:,} wrong"


def errors_in_full(found: AuditedError) -> str:
    """Say the same, and how many the interval rests on where they are not all: it is exact for those of one chance."""
    evenly = "" if found.kept == found.judged else f"; interval of {found.kept_errors:,} of {found.kept:,} drawn evenly"
    return errors_told(found) + evenly


def _spoken(view: MatrixView) -> str:
    cells = "; ".join(
        f"{cell.tier} consequence, {cell.band} confidence: level {cell.level}, {counted(cell)}, "
        f"{errors_in_full(cell.audited)}"
        for cell in view.cells
    )
    return f"{_scope(view)}. {cells}."

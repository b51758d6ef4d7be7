"""The summary as a picture: one self-contained SVG that follows the viewer's light or dark mode.

Nothing rests on colour alone: every mark has its number beside it, people's share of a bar is hatched, and a figure
that rests on too little is a sentence in place of a mark.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from countersign_feedback.domain.figures import Figures, Proportion, between, weighted
from countersign_feedback.domain.summary import Group, Summary, TypeSummary, nothing_found, scope_line
from countersign_feedback.domain.svg import MARGIN, WIDTH, document, text
from countersign_shared.shares import percent

ROW = 38
WEIGHTED = 14
"""Room for one line more below a row."""
MAX_DRAWN = 6
"""Decision types drawn; a taller picture is scrolled, not read. The rest is named in the last line."""
MAX_REASONS = 5
NAME_LENGTH = 34
SCALES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
TRACK = 236

STYLE = """
.track { fill: var(--soft) } .bar, .dot { fill: var(--mark) }
.people { fill: url(#hatch) } .stripe { stroke: var(--mute); stroke-width: 1.5 }
.whisker { stroke: var(--mark); stroke-width: 2 }
.wrong .dot { fill: var(--wrong) } .wrong .whisker { stroke: var(--wrong) }
"""
HATCH = """<defs><pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
<rect class="track" width="6" height="6"/><line class="stripe" y2="6"/></pattern></defs>"""
TITLE = "What was automated, and was it right?"


@dataclass(frozen=True, slots=True)
class Column:
    """One of the three columns of marks: where it starts, what it shows and how to read it."""

    x: int
    title: str
    how: tuple[str, str]


NAMES_WIDTH = 118
COLUMNS = (
    Column(
        MARGIN + NAMES_WIDTH,
        "Decided by the machine",
        ("Solid: the machine's share of all", "routed cases; hatched: people's."),
    ),
    Column(
        MARGIN + NAMES_WIDTH + TRACK + 46,
        "Overridden in assisted review",
        ("Dot and 95 % interval. Watches the reviews;", "it is not how often the model is wrong."),
    ),
    Column(
        MARGIN + NAMES_WIDTH + 2 * (TRACK + 46),
        "Wrong among automatic",
        ("Blind audits drawn by chance: dot and", "exact 95 % interval. Shorter is surer."),
    ),
)


def draw(summary: Summary) -> str:
    """Return the picture as SVG text."""
    body: list[str] = []
    y = 92
    for kind in summary.decision_types[:MAX_DRAWN]:
        y = _section(body, kind, y)
    if not summary.decision_types:
        body.append(text(MARGIN, y, _short(nothing_found(summary.scope), 110), "mute"))
        y += 28
    y = _footer(body, summary, y)
    head = [HATCH, text(MARGIN, 44, TITLE, "title"), text(MARGIN, 66, _short(scope_line(summary), 150), "mute")]
    return document(TITLE, _spoken(summary), [*head, *body], height=y, style=STYLE)


def _section(body: list[str], kind: TypeSummary, y: int) -> int:
    counts = kind.total.counts
    body.append(f'<line class="rule" x1="{MARGIN}" x2="{WIDTH - MARGIN}" y1="{y}" y2="{y}"/>')
    y += 30
    body.append(text(MARGIN, y, _short(kind.decision_type), "type"))
    line = f"{counts.cases:,} cases, {counts.waiting:,} not decided yet, {counts.reversed:,} reversed later"
    body.append(text(WIDTH - MARGIN, y, line, "mute end"))
    y += 30
    body.extend(text(column.x, y, column.title, "head") for column in COLUMNS)
    y += 10
    rows = [Group(name="all", figures=kind.total), *kind.tiers]
    scale = _scale(rows)
    for row in rows:
        body.extend(_row(row, y, scale))
        y += ROW
        if (said := weighted(row.figures)) is not None:
            body.append(text(COLUMNS[2].x, y + 6, f"{said}: all automatic decisions", "mute"))
            y += WEIGHTED
    y += 16
    for column in COLUMNS:
        ticks = f"Scale 0 to {percent(scale)}." if column is COLUMNS[2] else "Scale 0 to 100 %."
        body.extend(text(column.x, y + 15 * n, line, "mute") for n, line in enumerate((*column.how, ticks)))
    return _reasons(body, kind, y + 62)


def _row(row: Group, y: int, scale: float) -> Iterator[str]:
    name = row.name if row.name == "all" else f"{row.name} tier"
    yield text(MARGIN, y + 20, name, "value" if row.name == "all" else "")
    yield from _bar(COLUMNS[0].x, y, row.figures)
    yield from _interval(COLUMNS[1].x, y, row.figures.override, 1.0, "")
    yield from _interval(COLUMNS[2].x, y, row.figures.audit_error, scale, "wrong")


def _bar(x: int, y: int, figures: Figures) -> Iterator[str]:
    automation = figures.automation
    yield text(x, y + 14, _label(automation, interval=False), "value" if automation.enough else "mute")
    if automation.rate is not None:
        solid = round(TRACK * automation.rate, 1)
        yield f'<rect class="people" x="{x}" y="{y + 20}" width="{TRACK}" height="8" rx="4"/>'
        yield f'<rect class="bar" x="{x}" y="{y + 20}" width="{solid}" height="8" rx="4"/>'


def _interval(x: int, y: int, figure: Proportion, scale: float, kind: str) -> Iterator[str]:
    yield text(x, y + 14, _label(figure, interval=True), "value" if figure.enough else "mute")
    if figure.rate is None:
        return
    low, middle, high = (
        round(x + TRACK * min(share / scale, 1.0), 1) for share in (figure.lower, figure.rate, figure.upper)
    )
    yield f'<g class="{kind}"><rect class="track" x="{x}" y="{y + 20}" width="{TRACK}" height="8" rx="4"/>'
    yield f'<path class="whisker" d="M{low} {y + 24}H{high}M{low} {y + 19}v10M{high} {y + 19}v10"/>'
    yield f'<circle class="dot" cx="{middle}" cy="{y + 24}" r="4.5"/></g>'


def _reasons(body: list[str], kind: TypeSummary, y: int) -> int:
    body.append(text(MARGIN, y, "Why the level is what it is: reasons with the most cases", "head"))
    for reason in kind.reasons[:MAX_REASONS]:
        y += 22
        share = reason.figures.counts.cases / kind.total.counts.cases if kind.total.counts.cases else 0.0
        body.append(text(MARGIN, y, _short(reason.name), ""))
        body.append(f'<rect class="track" x="300" y="{y - 9}" width="{TRACK}" height="8" rx="4"/>')
        body.append(f'<rect class="bar" x="300" y="{y - 9}" width="{round(TRACK * share, 1)}" height="8" rx="4"/>')
        body.append(text(300 + TRACK + 14, y, f"{reason.figures.counts.cases:,} cases ({percent(share)})", "mute"))
    return y + 30


def _footer(body: list[str], summary: Summary, y: int) -> int:
    body.append(f'<line class="rule" x1="{MARGIN}" x2="{WIDTH - MARGIN}" y1="{y}" y2="{y}"/>')
    least = f"No rate is named below n = {summary.minimum}."
    notes = [f"k of n is how many of how many. {least} A case with several reasons is counted under each."]
    if summary.unplaced:
        notes.append(f"{summary.unplaced:,} cases with a decision whose routing has not arrived yet are not counted.")
    if (left := len(summary.decision_types) - MAX_DRAWN) > 0:
        notes.append(f"{left} more decision types with fewer cases are in the table.")
    for note in notes:
        y += 22
        body.append(text(MARGIN, y, note, "mute"))
    return y + 28


def _label(figure: Proportion, *, interval: bool) -> str:
    if figure.rate is None:
        return f"not enough yet: {figure.n:,} of {figure.needed:,}"
    ends = f" {between(figure)}" if interval else ""
    return f"{percent(figure.rate)}{ends}: {figure.k:,} of {figure.n:,}"


def _scale(rows: list[Group]) -> float:
    uppers = [row.figures.audit_error.upper for row in rows if row.figures.audit_error.enough]
    return next(scale for scale in SCALES if scale >= max(uppers, default=1.0))


def _spoken(summary: Summary) -> str:
    parts = [
        f"{kind.decision_type}: automatic {kind.total.automation.text}; overridden {kind.total.override.text}; "
        f"wrong among automatic {'; '.join(filter(None, (kind.total.audit_error.text, weighted(kind.total))))}."
        for kind in summary.decision_types[:MAX_DRAWN]
    ]
    return " ".join([*parts, summary.how_to_read])


def _short(text: str, length: int = NAME_LENGTH) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"

"""One population's assessment as a picture: risk against coverage, the certified point, and the calibration curve."""

from collections.abc import Iterator, Sequence

from countersign_feedback.domain.assessment import Assessment
from countersign_feedback.domain.certify import Certificate, sureness
from countersign_feedback.domain.reliability import Reliability
from countersign_feedback.domain.risk_coverage import RiskPoint
from countersign_feedback.domain.svg import MARGIN, document, text
from countersign_shared.shares import percent

TITLE = "What may be automated?"
TOP, HEIGHT, SIDE = 216, 300, 404
LEFT, RIGHT = MARGIN + 48, 560
LINE_LENGTH = 112
SCALES = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
STYLE = """
.band { fill: var(--mark); opacity: 0.16 } .curve { fill: none; stroke: var(--mark); stroke-width: 2.5 }
.promise { stroke: var(--wrong); stroke-width: 1.5; stroke-dasharray: 6 4 } .frame { fill: var(--soft) }
.dot { fill: var(--mark) } .point { fill: var(--page); stroke: var(--mark); stroke-width: 3 }
.whisker { stroke: var(--mark); stroke-width: 1.5 } .even { stroke: var(--mute); stroke-dasharray: 3 3 }
"""


def draw(found: Assessment) -> str:
    """Return the picture as SVG text."""
    body = [text(MARGIN, 44, TITLE, "title"), text(MARGIN, 68, _about(found), "mute")]
    y = 98
    for line in _wrapped(found.text):
        body.append(text(MARGIN, y, line, "value"))
        y += 20
    body += _risk(found)
    body += _calibration(found.reliability)
    band = "Band: exact intervals that hold for all thresholds together. Ring: the certified threshold."
    labels = f"{found.labels:,} labels drawn by chance and judged blind, {found.kept:,} kept at equal probability"
    notes = (
        f"{band} Dashed: the promise, {percent(found.alpha)}.",
        f"{labels}; {found.cases:,} cases of this population. Confidence of the promise: {sureness(found.delta)}.",
    )
    for place, note in enumerate(notes):
        body.append(text(MARGIN, TOP + HEIGHT + 74 + 20 * place, note, "mute"))
    return document(TITLE, found.text, body, height=TOP + HEIGHT + 124, style=STYLE)


def _about(found: Assessment) -> str:
    who = found.population
    model = f"{who.model_name} {who.model_version}, calibrator {who.calibrator_version}"
    return f"{who.tenant}, {who.decision_type}, {who.tier} tier; {model}; policy {who.automation_sha256[:12]}"


def _risk(found: Assessment) -> Iterator[str]:
    points = [point for point in found.curve if point.n]
    top = _scale(points, found.alpha)
    yield text(LEFT, TOP - 16, "Share wrong, by how much is automated", "head")
    yield f'<rect class="frame" x="{LEFT}" y="{TOP}" width="{SIDE}" height="{HEIGHT}"/>'
    yield from _ticks(LEFT, top)
    if points:
        upper = [_at(LEFT, point.coverage, point.upper / top) for point in points]
        lower = [_at(LEFT, point.coverage, point.lower / top) for point in reversed(points)]
        yield f'<polygon class="band" points="{_path([*upper, *lower])}"/>'
        middle = [_at(LEFT, point.coverage, (point.risk or 0.0) / top) for point in points]
        yield f'<polyline class="curve" points="{_path(middle)}"/>'
    _, y = _at(LEFT, 0.0, found.alpha / top)
    yield f'<line class="promise" x1="{LEFT}" x2="{LEFT + SIDE}" y1="{y:g}" y2="{y:g}"/>'
    if isinstance(found.outcome, Certificate):
        yield from _certified(points, found.outcome, top)
    yield text(LEFT + SIDE / 2, TOP + HEIGHT + 40, "Share of cases at or above the threshold", "mute middle")


def _certified(points: Sequence[RiskPoint], outcome: Certificate, top: float) -> Iterator[str]:
    for point in points:
        if point.threshold == outcome.threshold:
            x, y = _at(LEFT, point.coverage, (point.risk or 0.0) / top)
            yield f'<circle class="point" cx="{x:g}" cy="{y:g}" r="6"/>'
            label = f"from {outcome.threshold:g}: {percent(point.coverage)} of cases"
            # On the side that has room for it.
            ends = point.coverage > 0.6  # noqa: PLR2004 - its length
            yield text(x - 12 if ends else x + 12, y - 12, label, "value end" if ends else "value")


def _calibration(found: Reliability | None) -> Iterator[str]:
    yield text(RIGHT, TOP - 16, "Was it right as often as it said?", "head")
    yield f'<rect class="frame" x="{RIGHT}" y="{TOP}" width="{SIDE}" height="{HEIGHT}"/>'
    yield f'<line class="even" x1="{RIGHT}" y1="{TOP + HEIGHT}" x2="{RIGHT + SIDE}" y2="{TOP}"/>'
    yield text(
        RIGHT + SIDE / 2, TOP + HEIGHT + 40, "Confidence said; dot and exact 95 % interval: was right", "mute middle"
    )
    yield from _shares(RIGHT)
    if found is None:
        yield text(RIGHT + SIDE / 2, TOP + HEIGHT / 2, "no labels yet", "mute middle")
        return
    for one in found.bins:
        x, middle = _at(RIGHT, one.said, one.was)
        (_, low), (_, high) = _at(RIGHT, one.said, one.lower), _at(RIGHT, one.said, one.upper)
        yield f'<line class="whisker" x1="{x:g}" x2="{x:g}" y1="{low:g}" y2="{high:g}"/>'
        yield f'<circle class="dot" cx="{x:g}" cy="{middle:g}" r="4"/>'
    scores = f"ECE {found.ece:.3f}, Brier {found.brier:.3f}, n = {found.n:,}"
    yield text(RIGHT + SIDE, TOP - 16, scores, "mute end")


def _ticks(x: int, top: float) -> Iterator[str]:
    for part in range(5):
        y = TOP + HEIGHT * (1 - part / 4)
        yield text(x - 8, y + 4, percent(top * part / 4), "mute end")
    yield from _shares(x)


def _shares(x: int) -> Iterator[str]:
    for part in range(5):
        yield text(x + SIDE * part / 4, TOP + HEIGHT + 20, f"{25 * part} %", "mute middle")


def _at(x: int, right: float, up: float) -> tuple[float, float]:
    return round(x + SIDE * right, 1), round(TOP + HEIGHT * (1.0 - min(up, 1.0)), 1)


def _path(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:g},{y:g}" for x, y in points)


def _scale(points: Sequence[RiskPoint], alpha: float) -> float:
    highest = max([2.0 * alpha, *(1.5 * (point.risk or 0.0) for point in points)])
    return next((scale for scale in SCALES if scale >= highest), 1.0)


def _wrapped(words: str) -> list[str]:
    lines = [""]
    for word in words.split():
        if len(lines[-1]) + len(word) >= LINE_LENGTH:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines

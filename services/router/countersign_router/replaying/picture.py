"""The report as a picture: both matrices, where cases go from level to level, and what people would find."""

from collections.abc import Iterator

from countersign_router.domain.policy import BANDS, LEVEL_NAMES, TIERS
from countersign_router.replaying.report import Cell, ReplayReport
from countersign_router.replaying.telling import counted, share
from countersign_router.showing.drawing import LETTER, SHORT_LEVELS, box, document, lines, number, short, text

WIDTH = 1120
MARGIN = 36
CELL_WIDTH, CELL_HEIGHT, GAP = 132, 64, 4
NAMES = 78
MATRIX_WIDTH = NAMES + 3 * (CELL_WIDTH + GAP)
RIGHT = WIDTH - MARGIN - MATRIX_WIDTH
FLOW_HEIGHT, FLOW_BAR, FLOW_GAP = 250, 26, 14
LEAST_PITCH = 42
"""Room for the two lines beside a level's bar, however thin it is."""
IN_CELL = {1: "automatic", 2: "audited", 3: "approve", 4: "decide", 5: "alone"}
LEAST_FLOW = 1.2
"""Pixels of the thinnest ribbon: one case among a hundred thousand is still seen."""
MOST_QUEUES = 8
LINE = 19


def draw(report: ReplayReport) -> str:
    """Return the report as SVG text."""
    title = f"{report.policy.id}, version {report.policy.version}, replayed"
    body = [text(MARGIN, 46, title, "title"), text(MARGIN, 70, _scope(report), "mute")]
    y = 100.0
    for sentence in report.summary:
        for line in lines(sentence, WIDTH - 2 * MARGIN):
            body.append(text(MARGIN, y, line, "strong" if sentence is report.summary[0] else ""))
            y += LINE
    if report.against.cases:
        y = _matrices(body, report, y + 22)
        y = _flows(body, report, y + 40)
        y = _queues(body, report, y + 36)
    y = _notes(body, report, y + 10)
    return document(WIDTH, y + 14, title=title, description=_spoken(report), body=body)


def _scope(report: ReplayReport) -> str:
    against = report.against
    between = ""
    if against.since and against.until:
        between = f", routed {_moment(against.since)} to {_moment(against.until)} UTC"
    return f"{against.cases:,} cases ({against.asked}){between}"


def _moment(moment: str) -> str:
    return moment[:16].replace("T", " ")


def _matrices(body: list[str], report: ReplayReport, y: float) -> float:
    body += [text(MARGIN, y, "Before: as the cases were routed", "head")]
    body += [text(RIGHT, y, "After: under this policy", "head")]
    for row, tier in enumerate(reversed(TIERS)):
        for column, band in enumerate(reversed(BANDS)):
            cell = next(one for one in report.cells if (one.tier, one.band) == (tier, band))
            top = y + 18 + row * (CELL_HEIGHT + GAP)
            for left, after in ((MARGIN, False), (RIGHT, True)):
                if column == 0:
                    body.append(text(left, top + CELL_HEIGHT / 2 + 4, tier, "strong"))
                body += _cell(cell, report, left + NAMES + column * (CELL_WIDTH + GAP), top, after=after)
    bottom = y + 18 + len(TIERS) * (CELL_HEIGHT + GAP) + 14
    for left in (MARGIN, RIGHT):
        for column, band in enumerate(reversed(BANDS)):
            middle = left + NAMES + column * (CELL_WIDTH + GAP) + CELL_WIDTH / 2
            body.append(text(middle, bottom, f"{band} confidence", "mute mid small"))
    outside = [
        f"{count:,} cases in no cell: they could not be judged" if count else ""
        for count in (report.outside_before, report.outside_after)
    ]
    body += [text(left + NAMES, bottom + 18, said, "mute small")
             for left, said in zip((MARGIN, RIGHT), outside, strict=True)]  # fmt: skip
    return bottom + 22


def _cell(cell: Cell, report: ReplayReport, x: float, y: float, *, after: bool) -> Iterator[str]:
    level = cell.level_after if after else cell.level_before
    cases = cell.cases_after if after else cell.cases_before
    yield box(x, y, CELL_WIDTH, CELL_HEIGHT, f"l{level}" if level else "soft")
    differs = after and cell.level_before is not None and cell.level_before != cell.level_after
    if differs:
        yield box(x + 1, y + 1, CELL_WIDTH - 2, CELL_HEIGHT - 2, "changed", radius=7)
    yield text(x + 10, y + 22, f"L{level}" if level else "mixed", "big" if level else "strong")
    said = IN_CELL[level] if level else "several"
    yield text(x + CELL_WIDTH - 9, y + 21, f"was L{cell.level_before}" if differs else said, "small end")
    yield text(x + 10, y + 42, f"{cases:,}", "strong")
    moved = cell.cases_after - cell.cases_before
    if after and moved:
        yield text(x + CELL_WIDTH - 9, y + 42, f"{moved:+,}", f"small end strong {'up' if moved > 0 else 'down'}")
    else:
        yield text(x + CELL_WIDTH - 9, y + 42, share(cases, report.against.cases) if cases else "", "small end mute")
    most = max(max(one.cases_before, one.cases_after) for one in report.cells) or 1
    yield box(x + 10, y + 51, CELL_WIDTH - 20, 4, "soft", radius=2)
    if cases:
        yield box(x + 10, y + 51, max((CELL_WIDTH - 20) * cases / most, 2), 4, "bar", radius=2)


def _flows(body: list[str], report: ReplayReport, y: float) -> float:
    body.append(text(MARGIN, y, "From level to level", "head"))
    said = (
        f"Ribbons: rising cases are marked ▲ (a person does more), falling ones ▼; grey ones stay. "
        f"{report.raised:,} rise, {report.lowered:,} fall."
    )
    body.append(text(MARGIN, y + 20, said, "mute small"))
    top, left, right = y + 36, MARGIN + 190.0, WIDTH - MARGIN - 190.0
    before = {level: sum(one.cases for one in report.levels if one.before == level) for level in LEVEL_NAMES}
    after = {level: sum(one.cases for one in report.levels if one.after == level) for level in LEVEL_NAMES}
    place_before, place_after = _stack(before, top), _stack(after, top)
    body += _ribbons(report, place_before, place_after, (left + FLOW_BAR, right - FLOW_BAR))
    for counts, places, x, kind in ((before, _stack(before, top), left, "end"), (after, _stack(after, top), right, "")):
        body += _level_bars(counts, places, x if kind else x - FLOW_BAR, report.against.cases, kind)
    return max(_ends(before, top), _ends(after, top))


def _stack(counts: dict[int, int], top: float) -> dict[int, list[float]]:
    """Return for every level where its bar begins, and its scale in pixels per case."""
    total, places, y = sum(counts.values()) or 1, {}, top
    for level, count in counts.items():
        places[level] = [y, FLOW_HEIGHT / total]
        y += max(FLOW_HEIGHT * count / total + FLOW_GAP, LEAST_PITCH)
    return places


def _ends(counts: dict[int, int], top: float) -> float:
    places = _stack(counts, top)
    last = max(places)
    return max(places[last][0] + counts[last] * places[last][1], places[last][0] + LEAST_PITCH)


def _ribbons(
    report: ReplayReport, before: dict[int, list[float]], after: dict[int, list[float]], ends: tuple[float, float]
) -> Iterator[str]:
    (left, right), middle = ends, sum(ends) / 2
    labels: list[tuple[float, str]] = []
    for one in report.levels:
        thick = max(one.cases * before[one.before][1], LEAST_FLOW)
        a, b = before[one.before][0], after[one.after][0]
        before[one.before][0] += one.cases * before[one.before][1]
        after[one.after][0] += one.cases * after[one.after][1]
        kind = "up" if one.after > one.before else "down" if one.after < one.before else ""
        points = [number(value) for value in (left, a, middle, b, right, b + thick, a + thick)]
        x0, y0, xm, y1, x1, y2, y3 = points
        yield (
            f'<path class="flow {kind}" d="M{x0} {y0}C{xm} {y0} {xm} {y1} {x1} {y1}V{y2}'
            f'C{xm} {y2} {xm} {y3} {x0} {y3}Z"/>'
        )
        if kind:
            labels.append((b + thick / 2, f"{'▲' if kind == 'up' else '▼'} {one.cases:,} L{one.before} → L{one.after}"))
    yield from _spread(labels, right - 10)


def _spread(labels: list[tuple[float, str]], x: float) -> Iterator[str]:
    """Put labels beside their ribbons' ends, each below the one before."""
    free = -1e9
    for wanted, said in sorted(labels):
        y = max(wanted + 4, free)
        free = y + 14
        yield text(x, y, said, "small strong end halo")


def _level_bars(
    counts: dict[int, int], places: dict[int, list[float]], x: float, cases: int, kind: str
) -> Iterator[str]:
    for level, count in counts.items():
        y, scale = places[level]
        height = max(count * scale, 1.5)
        yield box(x, y, FLOW_BAR, height, f"l{level}", radius=3)
        yield box(x, y, FLOW_BAR, height, "edge", radius=3)
        side = x - 10 if kind else x + FLOW_BAR + 10
        yield text(side, y + min(height / 2, 20) + 4, f"L{level} {SHORT_LEVELS[level]}", f"strong {kind}".strip())
        yield text(
            side, y + min(height / 2, 20) + 19, f"{count:,} ({share(count, cases)})", f"mute small {kind}".strip()
        )


def _queues(body: list[str], report: ReplayReport, y: float) -> float:
    body.append(text(MARGIN, y, "What people find in their queues", "head"))
    if not report.queues:
        body.append(text(MARGIN, y + 24, "Nothing, before or after.", "mute"))
        return y + 30
    most = max(max(one.before, one.after) for one in report.queues) or 1
    y += 12
    busiest = sorted(report.queues, key=lambda one: -max(one.before, one.after))[:MOST_QUEUES]
    for one in busiest:
        y += 36
        body.append(text(MARGIN, y, short(one.queue, 180), "strong"))
        for offset, count, kind in ((-15, one.before, "faint"), (-2, one.after, "bar")):
            wide = 560 * count / most
            body.append(box(MARGIN + 190, y + offset, max(wide, 1), 10, kind, radius=3))
            word = "before" if kind == "faint" else "after"
            body.append(text(MARGIN + 200 + wide, y + offset + 9, f"{count:,} {word}", "small mute"))
        change = one.after - one.before
        said = "no change" if not change else f"{'▲' if change > 0 else '▼'} {change:+,}"
        body.append(text(WIDTH - MARGIN, y, said, f"strong end {'up' if change > 0 else 'down' if change else 'mute'}"))
    return y + 16


def _notes(body: list[str], report: ReplayReport, y: float) -> float:
    body.append(f'<line class="rule" x1="{MARGIN}" x2="{WIDTH - MARGIN}" y1="{number(y)}" y2="{number(y)}"/>')
    y += 6
    becoming, leaving = report.becoming_automatic.cases, report.leaving_automatic.cases
    said = f"{counted(becoming)} would become automatic and {leaving:,} no longer be; the table lists them."
    for note in (said, *report.notes):
        for line in lines(note, WIDTH - 2 * MARGIN, letter=LETTER * 0.92):
            y += LINE - 2
            body.append(text(MARGIN, y, line, "mute small"))
        y += 3
    return y + 8


def _spoken(report: ReplayReport) -> str:
    changes = [
        f"From level {one.before} to {one.after}: {one.cases:,} cases."
        for one in report.levels
        if one.before != one.after
    ]
    return " ".join([*report.summary, *changes, *report.notes])

"""A policy as a flow chart: what comes in, what is weighed, what can only raise the level, and where cases end up."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from countersign_router.domain.policy import BANDS, TIERS
from countersign_router.language.document import InputSection, PolicyDocument
from countersign_router.showing.drawing import LETTER, arrow, box, document, lines, number, short, text
from countersign_router.showing.flow_chart_rows import (
    Row,
    adjustments,
    caps,
    exceptions,
    factors,
    guards,
    level_lines,
    shares,
    spoken,
)

WIDTH, MARGIN, GUTTER, GAP = 1160, 36, 40, 52
FULL = WIDTH - 2 * MARGIN
HALF = (FULL - GUTTER) / 2
RIGHT = MARGIN + HALF + GUTTER
PAD, LINE, HEAD = 18, 17, 44
CODE_LETTER = 7.2
LABEL = 148
BADGE = 34
CELL_HEIGHT, CELL_GAP, TIER_NAMES = 38, 4, 84


class Card(NamedTuple):
    """A finished box: how high it is, and what to draw at its place."""

    height: float
    parts: Sequence[str]


def draw(policy: PolicyDocument) -> str:
    """Return the policy's flow chart as SVG text."""
    title = f"{policy.tenant}/{policy.decision_type}, version {policy.version}: how a case finds its level"
    body = [text(MARGIN, 46, title, "title"), text(MARGIN, 70, f"Owned by {policy.owner}.", "mute")]
    y = _inputs_row(body, policy, 94)
    y = _weighing_row(body, policy, y)
    y = _matrix_row(body, policy, y)
    y = _guards_row(body, policy, y)
    y = _levels_row(body, policy, y)
    return document(WIDTH, y + MARGIN, title=title, description=spoken(policy), body=body)


def _inputs_row(body: list[str], policy: PolicyDocument, y: float) -> float:
    chips, height = _chips(policy.inputs, MARGIN + PAD, y + HEAD + 10, FULL - 2 * PAD)
    body += [box(MARGIN, y, FULL, HEAD + height + PAD, "card"), *chips]
    body += _heading(
        MARGIN, y, FULL, "1", "A case comes in", "the facts that this policy reads; dashed ones may be missing"
    )
    bottom = y + HEAD + height + PAD
    for x in (MARGIN + HALF / 2, RIGHT + HALF / 2):
        body.append(arrow((x, bottom), (x, bottom + GAP - 6)))
    return bottom + GAP


def _chips(inputs: dict[str, InputSection], x: float, y: float, width: float) -> tuple[list[str], float]:
    parts, left, top = [], x, y
    for name, declared in inputs.items():
        kind = declared.currency or declared.type
        wide = min(len(name) * CODE_LETTER + len(kind) * LETTER + 34, width)
        if left + wide > x + width and left > x:
            left, top = x, top + 34
        dashes = "" if declared.required else ' stroke-dasharray="4 3"'
        place = f'x="{number(left)}" y="{number(top)}" width="{number(wide)}" height="26" rx="13"'
        parts.append(f'<rect class="chip" {place}{dashes}/>')
        parts.append(text(left + 12, top + 17, name, "code"))
        parts.append(text(left + wide - 12, top + 17, kind, "mute small end"))
        left += wide + 8
    if not inputs:
        parts.append(text(x, y + 16, "None: every case is weighed by what the AI proposes alone.", "mute"))
    return parts, top - y + 30


def _weighing_row(body: list[str], policy: PolicyDocument, y: float) -> float:
    left = _rows_card(factors(policy), MARGIN, y + HEAD + 6, HALF)
    right = _confidence(policy, RIGHT, y + HEAD + 6)
    height = max(left.height, right.height) + HEAD + PAD
    body += [box(MARGIN, y, HALF, height, "card"), box(RIGHT, y, HALF, height, "card"), *left.parts, *right.parts]
    body += _heading(MARGIN, y, HALF, "2", "How bad is a mistake?", "the highest factor is the tier")
    body += _heading(RIGHT, y, HALF, "3", "How sure is the AI?", "the band of its confidence")
    bottom = y + height
    inside = MARGIN + HALF * 0.72
    body.append(arrow((MARGIN + HALF / 3, bottom), (MARGIN + HALF / 3, bottom + GAP - 6)))
    middle = RIGHT + HALF / 2
    body.append(
        arrow((middle, bottom), (middle, bottom + GAP / 2), (inside, bottom + GAP / 2), (inside, bottom + GAP - 6))
    )
    body.append(text(MARGIN + HALF / 3 + 8, bottom + GAP / 2 + 4, "tier", "mute small"))
    body.append(text(middle + 8, bottom + GAP / 2 + 4, "band", "mute small"))
    return bottom + GAP


def _confidence(policy: PolicyDocument, x: float, y: float) -> Card:
    parts = list(_scale(policy, x + PAD, y + 8, HALF - 2 * PAD))
    below = _rows_card([*adjustments(policy), *caps(policy)], x, y + 74, HALF)
    return Card(74 + below.height, [*parts, *below.parts])


def _scale(policy: PolicyDocument, x: float, y: float, width: float) -> Iterator[str]:
    # Half of the bar is the half of the certainties where decisions are made.
    marks = (0.0, policy.bands.medium, policy.bands.high, 1.0)
    places = [x + width * (value / 2 if value < 0.5 else 0.25 + (value - 0.5) * 1.5) for value in marks]  # noqa: PLR2004
    for name, begin, end, kind in zip(("low", "medium", "high"), places, places[1:], ("z1", "z2", "z3"), strict=False):
        yield box(begin, y, end - begin, 30, kind, radius=4)
        yield text((begin + end) / 2, y + 20, short(name, end - begin, letter=LETTER), "mid strong halo")
    for value, place in zip(marks, places, strict=True):
        yield text(place, y + 47, f"{value:g}", "small mid mute")


def _matrix_row(body: list[str], policy: PolicyDocument, y: float) -> float:
    matrix = _matrix(policy, MARGIN + PAD, y + HEAD + 4)
    rules = _rows_card(exceptions(policy), RIGHT, y + HEAD + 6, HALF)
    height = max(matrix.height, rules.height) + HEAD + PAD
    body += [box(MARGIN, y, HALF, height, "card"), box(RIGHT, y, HALF, height, "card"), *matrix.parts, *rules.parts]
    body += _heading(MARGIN, y, HALF, "4", "The matrix gives a level", "consequence by confidence")
    body += _heading(RIGHT, y, HALF, "5", "Exceptions", "in order; the first that applies can only raise it")
    body.append(arrow((MARGIN + HALF, y + height / 2), (RIGHT - 6, y + height / 2)))
    middle = WIDTH / 2
    elbow = y + height + GAP / 2
    body.append(
        arrow((RIGHT + HALF / 2, y + height), (RIGHT + HALF / 2, elbow), (middle, elbow), (middle, elbow + GAP / 2 - 6))
    )
    return y + height + GAP


def _matrix(policy: PolicyDocument, x: float, y: float) -> Card:
    parts = []
    wide = (HALF - 2 * PAD - TIER_NAMES) / len(BANDS)
    for row, tier in enumerate(reversed(TIERS)):
        top = y + row * (CELL_HEIGHT + CELL_GAP)
        parts.append(text(x, top + CELL_HEIGHT / 2 + 4, tier, "strong"))
        for column, band in enumerate(reversed(BANDS)):
            level = getattr(getattr(policy.matrix, tier), band)
            left = x + TIER_NAMES + column * wide
            parts.append(box(left, top, wide - CELL_GAP, CELL_HEIGHT, f"l{level}", radius=6))
            parts.append(text(left + (wide - CELL_GAP) / 2, top + CELL_HEIGHT / 2 + 6, f"L{level}", "big mid"))
    bottom = y + len(TIERS) * (CELL_HEIGHT + CELL_GAP) + 14
    for column, band in enumerate(reversed(BANDS)):
        parts.append(text(x + TIER_NAMES + column * wide + wide / 2, bottom, f"{band} confidence", "small mid mute"))
    return Card(bottom - y + 2, parts)


def _guards_row(body: list[str], policy: PolicyDocument, y: float) -> float:
    card = _rows_card(guards(policy), MARGIN, y + HEAD + 6, FULL)
    height = card.height + HEAD + PAD
    body += [box(MARGIN, y, FULL, height, "card"), *card.parts]
    body += _heading(
        MARGIN, y, FULL, "6", "The floor, and what else must agree before a machine decides", "each can only raise it"
    )
    return y + height


def _levels_row(body: list[str], policy: PolicyDocument, y: float) -> float:
    wide = (FULL - 4 * 12) / 5
    content = {level: level_lines(policy, level) for level in range(1, 6)}
    high = 52 + LINE * max(len(one) - 1 for one in content.values())
    bar, top = y + GAP / 2, y + GAP
    body.append(f'<path class="arrow plain" d="M{number(WIDTH / 2)} {number(y)}V{number(bar)}"/>')
    ends = (MARGIN + wide / 2, MARGIN + 4 * (wide + 12) + wide / 2)
    body.append(f'<path class="arrow plain" d="M{number(ends[0])} {number(bar)}H{number(ends[1])}"/>')
    for level, said in content.items():
        x = MARGIN + (level - 1) * (wide + 12)
        body.append(arrow((x + wide / 2, bar), (x + wide / 2, top - 4)))
        body += [box(x, top, wide, high, f"l{level}"), box(x, top, wide, high, "edge")]
        body.append(text(x + 14, top + 28, f"L{level}", "big"))
        body.append(text(x + 48, top + 27, said[0], "strong small"))
        body += [
            text(x + 14, top + 52 + LINE * row, short(one, wide - 24), "small") for row, one in enumerate(said[1:])
        ]
    sampled = shares(policy)
    for row, line in enumerate(lines(sampled, FULL)):
        body.append(text(MARGIN, top + high + 26 + row * LINE, line, "mute small"))
    return top + high + 26 + (len(lines(sampled, FULL)) - 1) * LINE


def _heading(x: float, y: float, width: float, step: str, title: str, how: str) -> Iterator[str]:
    yield f'<circle class="step" cx="{number(x + PAD + 11)}" cy="{number(y + 25)}" r="12"/>'
    yield text(x + PAD + 11, y + 30, step, "step-number mid")
    yield text(x + PAD + 32, y + 30, title, "head")
    yield text(x + width - PAD, y + 30, how, "mute small end")


def _rows_card(rows: Sequence[Row], x: float, y: float, width: float) -> Card:
    parts: list[str] = []
    top = y
    for row in rows:
        room = width - 2 * PAD - LABEL - (BADGE + 12 if row.level else 0)
        said = [one for line in row.lines for one in _wrapped(line, room, code=row.code)]
        parts.append(text(x + PAD, top + 14, short(row.label, LABEL - 6), "strong small"))
        kind = "code" if row.code else "small"
        parts += [text(x + PAD + LABEL, top + 14 + LINE * place, line, kind) for place, line in enumerate(said)]
        high = LINE * len(said)
        if row.note:
            parts.append(text(x + PAD + LABEL, top + 14 + high, short(row.note, room), "mute small"))
            high += LINE
        if row.level:
            parts.append(box(x + width - PAD - BADGE, top, BADGE, 22, f"l{row.level}", radius=6))
            parts.append(text(x + width - PAD - BADGE / 2, top + 16, f"L{row.level}", "strong mid"))
        top += max(high, 22) + 7
    return Card(top - y, parts)


def _wrapped(line: str, room: float, *, code: bool) -> list[str]:
    return lines(line, room, most=5, letter=CODE_LETTER if code else LETTER)

"""The picture of a card: how often proposals were right, against how sure the model was."""

from collections.abc import Sequence
from html import escape

from countersign_inference.training.evaluate import Bin

WIDTH, HEIGHT, EDGE = 420, 420, 56
LOW = 0.4
"""Two outcomes: no proposal is less sure than a half, and an interval may reach a little lower."""
STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#1d2733}.grid{stroke:#c9d1da}.ideal{stroke:#5b6b7c;stroke-dasharray:5 4}"
    ".reach{stroke:#0b62a8;stroke-width:2}.point{fill:#0b62a8}"
    "@media(prefers-color-scheme:dark){text{fill:#e3e9ef}.grid{stroke:#3a4653}.ideal{stroke:#9aa9b8}"
    ".reach{stroke:#6db5f2}.point{fill:#6db5f2}}"
)


def calibration_svg(title: str, bins: Sequence[Bin]) -> str:
    """Draw ten parts of equal size as points with 95 % intervals, and the line on which an honest model lies."""
    parts = [_frame(title), *(_tick(value / 10) for value in range(int(LOW * 10), 11))]
    parts.append(_line("ideal", LOW, LOW, 1.0, 1.0))
    for one in bins:
        if one.right.share is None:
            continue
        x, y = one.confidence, one.right.share
        said = f"{one.right.k} of {one.right.n} right at a mean confidence of {x:.1%}"
        parts.append(
            f"<g><title>{escape(said)}</title>{_line('reach', x, max(one.right.low, LOW), x, one.right.high)}"
            f'<circle class="point" cx="{_x(x):.1f}" cy="{_y(max(y, LOW)):.1f}" r="4.5"/></g>'
        )
    return "\n".join([*parts, "</svg>"]) + "\n"


def _frame(title: str) -> str:
    words = escape(title)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{words}">'
        f"<title>{words}</title><style>{STYLE}</style>"
        f'<text x="{WIDTH / 2}" y="{HEIGHT - 12}" text-anchor="middle">how sure the proposals were</text>'
        f'<text x="14" y="{HEIGHT / 2}" text-anchor="middle" transform="rotate(-90 14 {HEIGHT / 2})">'
        "how many were right</text>"
        f'<text x="{_x(0.62):.0f}" y="{_y(0.46):.0f}">dashed: as sure as right</text>'
    )


def _tick(value: float) -> str:
    return (
        f"{_line('grid', LOW, value, 1.0, value)}{_line('grid', value, LOW, value, 1.0)}"
        f'<text x="{_x(value):.1f}" y="{_y(LOW) + 18:.1f}" text-anchor="middle">{value:.0%}</text>'
        f'<text x="{EDGE - 8}" y="{_y(value) + 4:.1f}" text-anchor="end">{value:.0%}</text>'
    )


def _line(kind: str, x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line class="{kind}" x1="{_x(x1):.1f}" y1="{_y(y1):.1f}" x2="{_x(x2):.1f}" y2="{_y(y2):.1f}"/>'


def _x(value: float) -> float:
    return EDGE + (value - LOW) / (1.0 - LOW) * (WIDTH - EDGE - 16)


def _y(value: float) -> float:
    return 16 + (1.0 - value) / (1.0 - LOW) * (HEIGHT - EDGE - 16)

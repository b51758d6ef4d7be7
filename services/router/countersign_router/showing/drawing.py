"""Pieces of pictures: one self-contained SVG that follows the viewer's light or dark mode.

Nothing rests on colour alone: every level has its number on it, everything that changes has its sign and its count.
"""

import re
from collections.abc import Iterable
from textwrap import wrap
from xml.sax.saxutils import escape

# What XML 1.0 cannot hold at all, escaped or not.
UNWRITABLE = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
LETTER = 6.6
"""Width of an average letter at 13 pixels; names in capitals are wider, and boxes leave room for that."""
SHORT_LEVELS = {1: "automatic", 2: "automatic, audited", 3: "person approves", 4: "person decides", 5: "person alone"}

STYLE = """
:root {
  color-scheme: light dark;
  --page: #ffffff; --ink: #17202e; --mute: #566171; --line: #cfd6df; --soft: #f3f5f8; --card: #ffffff;
  --mark: #2f4bd8; --up: #a4400b; --down: #12655d;
  --l1: #cfdcff; --l2: #e4ebff; --l3: #fdf0c8; --l4: #fcdcbf; --l5: #f8cbc8;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #141a22; --ink: #e9edf4; --mute: #a6b1c0; --line: #3b4656; --soft: #1c242f; --card: #202935;
    --mark: #93a6ff; --up: #ffb07c; --down: #6fd6c9;
    --l1: #2a4391; --l2: #2b3763; --l3: #53481f; --l4: #5d3a1d; --l5: #662a2c;
  }
}
text {
  font: 13px Inter, system-ui, -apple-system, "Segoe UI", sans-serif; fill: var(--ink);
  font-variant-numeric: tabular-nums;
}
.page { fill: var(--page) } .title { font-size: 22px; font-weight: 700 } .head { font-size: 15px; font-weight: 700 }
.strong { font-weight: 650 } .mute { fill: var(--mute) } .small { font-size: 11.5px } .end { text-anchor: end }
.mid { text-anchor: middle } .halo { paint-order: stroke; stroke: var(--page); stroke-width: 3.5px }
.code { font-family: ui-monospace, "SF Mono", "Cascadia Mono", Menlo, monospace; font-size: 11.5px }
.big { font-size: 18px; font-weight: 700 } .up { fill: var(--up) } .down { fill: var(--down) }
.rule { stroke: var(--line) } .card { fill: var(--card); stroke: var(--line) } .soft { fill: var(--soft) }
.bar { fill: var(--mark) } .l1 { fill: var(--l1) } .l2 { fill: var(--l2) } .l3 { fill: var(--l3) }
.l4 { fill: var(--l4) } .l5 { fill: var(--l5) } .edge { fill: none; stroke: var(--line) }
.changed { fill: none; stroke: var(--ink); stroke-width: 2.5 }
.flow { fill: var(--mute); opacity: .16 } .flow.up { fill: var(--up); opacity: .5 }
.flow.down { fill: var(--down); opacity: .5 }
.arrow { fill: none; stroke: var(--mute); stroke-width: 1.6; marker-end: url(#tip) } .tip { fill: var(--mute) }
.plain { marker-end: none } .chip { fill: var(--soft); stroke: var(--line) } .step { fill: var(--mark) }
.step-number { fill: var(--page); font-weight: 700 }
.z1 { fill: url(#hatch) } .z2 { fill: var(--l2) } .z3 { fill: var(--l1) }
.faint { fill: url(#hatch) } .stripe { stroke: var(--mute); stroke-width: 1.4 } .ground { fill: var(--soft) }
"""
DEFINITIONS = """<defs>
<pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
<rect class="ground" width="6" height="6"/><line class="stripe" y2="6"/></pattern>
<marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto-start-reverse">
<path class="tip" d="M0 0L8 4L0 8z"/></marker></defs>"""


def document(width: float, height: float, *, title: str, description: str, body: Iterable[str]) -> str:
    """Return a whole SVG document; title and description are what a screen reader says."""
    size = f'viewBox="0 0 {number(width)} {number(height)}" width="{number(width)}" height="{number(height)}"'
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-labelledby="title description">',
        f'<title id="title">{written(title)}</title>',
        f'<desc id="description">{written(description)}</desc>',
        f"<style>{STYLE}</style>",
        DEFINITIONS,
        f'<rect class="page" width="{number(width)}" height="{number(height)}" rx="12"/>',
        *body,
        "</svg>\n",
    ])  # fmt: skip


def text(x: float, y: float, said: str, kind: str = "") -> str:
    """Return one line of text with its baseline at ``y``."""
    marked = f' class="{kind}"' if kind else ""
    return f'<text x="{number(x)}" y="{number(y)}"{marked}>{written(said)}</text>'


def box(x: float, y: float, width: float, height: float, kind: str, *, radius: float = 8) -> str:
    """Return a rectangle with rounded corners."""
    place = f'x="{number(x)}" y="{number(y)}" width="{number(width)}" height="{number(height)}"'
    return f'<rect class="{kind}" {place} rx="{number(radius)}"/>'


def arrow(*points: tuple[float, float]) -> str:
    """Return a line through these points with a tip at its end."""
    way = "L".join(f"{number(x)} {number(y)}" for x, y in points)
    return f'<path class="arrow" d="M{way}"/>'


def lines(said: str, width: float, *, most: int = 99, letter: float = LETTER) -> list[str]:
    """Break a sentence into lines of a width in pixels; what does not fit in ``most`` lines ends in an ellipsis."""
    found = wrap(said, max(int(width / letter), 8), break_long_words=True) or [""]
    return (
        found if len(found) <= most else [*found[: most - 1], short(" ".join(found[most - 1 :]), width, letter=letter)]
    )


def short(said: str, width: float, *, letter: float = LETTER) -> str:
    """Cut a text to a width in pixels."""
    room = max(int(width / letter), 2)
    return said if len(said) <= room else said[: room - 1].rstrip() + "…"


def number(value: float) -> str:
    """Write a coordinate."""
    return f"{value:.1f}".removesuffix(".0")


def written(said: str) -> str:
    """Escape a text for XML."""
    return escape(UNWRITABLE.sub("�", said), {'"': "&quot;"})

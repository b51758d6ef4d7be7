"""What every picture shares: one self-contained SVG that follows the viewer's light or dark mode."""

import re
from collections.abc import Sequence
from xml.sax.saxutils import escape

MARGIN = 32
WIDTH = 1000

# What XML 1.0 cannot hold at all, escaped or not.
UNWRITABLE = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

STYLE = """
:root {
  color-scheme: light dark;
  --page: #fff; --ink: #17202e; --mute: #566171; --line: #dfe3e9; --soft: #eef1f5; --mark: #2f4bd8; --wrong: #b3261e;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #181e27; --ink: #e7ebf2; --mute: #a3afbe; --line: #323b48; --soft: #232b37;
    --mark: #8ea2ff; --wrong: #ff9b93;
  }
}
text {
  font: 13px Inter, system-ui, -apple-system, "Segoe UI", sans-serif;
  fill: var(--ink); font-variant-numeric: tabular-nums;
}
.page { fill: var(--page) } .title { font-size: 22px; font-weight: 700 } .type { font-size: 17px; font-weight: 700 }
.head, .value { font-weight: 600 } .mute { fill: var(--mute); font-size: 12px } .end { text-anchor: end }
.middle { text-anchor: middle } .rule { stroke: var(--line) }
"""


def document(title: str, spoken: str, body: Sequence[str], *, height: int, style: str) -> str:
    """Return the whole SVG; ``spoken`` says for those who cannot see it what it shows."""
    size = f'viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-labelledby="title how">',
        f'<title id="title">{escaped(title)}</title>',
        f'<desc id="how">{escaped(spoken)}</desc>',
        f"<style>{STYLE}{style}</style>",
        f'<rect class="page" width="{WIDTH}" height="{height}" rx="10"/>',
    ]
    return "\n".join([*head, *body, "</svg>\n"])


def text(x: float, y: float, words: str, kind: str = "") -> str:
    """Return words at a place."""
    marked = f' class="{kind}"' if kind else ""
    return f'<text x="{x:g}" y="{y:g}"{marked}>{escaped(words)}</text>'


def escaped(words: str) -> str:
    """Return words that cannot be taken for markup; what XML cannot hold becomes the replacement character."""
    return escape(UNWRITABLE.sub("\ufffd", words))

"""An explanation as a page: no script, no picture, nothing fetched; at any size, light or dark, and on paper."""

import base64
from html import escape

from countersign_audit.explaining.words import Page, texts_for
from countersign_audit.explaining.writing import day

STYLE = """
:root { color-scheme: light dark; }
body { font: 1.0625rem/1.6 system-ui, sans-serif; max-width: 40rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; line-height: 1.25; } h2 { font-size: 1.2rem; margin-top: 2rem; }
.reference, footer { opacity: .85; overflow-wrap: anywhere; }
a.button, button { font: inherit; display: inline-block; padding: .6rem 1.1rem; border: 2px solid; border-radius: .4rem;
  background: none; color: inherit; text-decoration: none; cursor: pointer; }
a.button:focus-visible, button:focus-visible { outline: 3px solid Highlight; outline-offset: 2px; }
@media print { a.button { display: none; } body { margin: 0; } }
"""


def explained(page: Page, pdf: bytes) -> str:
    """Return the page of an explanation, with the same as a PDF to save; both are in this one answer."""
    _, texts = texts_for(page.language)
    parts = [f"<h1>{escape(page.title)}</h1>", f'<p class="reference">{escape(page.reference)}</p>']
    for number, section in enumerate(page.sections):
        if number:
            parts.append(f"<h2>{escape(section.heading)}</h2>")
        parts += _lines(section.lines, listed=number > 0)
    data = base64.b64encode(pdf).decode()
    parts.append(
        f'<p><a class="button" download="{escape(texts["file"])}" href="data:application/pdf;base64,{data}">'
        f"{escape(texts['save'])}</a></p>"
    )
    parts.append(f"<footer><p>{escape(page.closing)} {escape(texts['once'])}</p></footer>")
    return _document(page.language, page.title, parts)


def asking(language: str | None) -> str:
    """Return the page that a link leads to: only the button on it uses the link up, not a mail program's look at it."""
    name, texts = texts_for(language)
    parts = [
        f"<h1>{escape(texts['title'])}</h1>", f"<p>{escape(texts['once'])}</p>",
        f'<form method="post"><button type="submit">{escape(texts["show"])}</button></form>',
    ]  # fmt: skip
    return _document(name, texts["title"], parts)


def too_early(language: str | None, until: str) -> str:
    """Return the page of a link whose case is not decided yet; the link is not used up by it."""
    name, texts = texts_for(language)
    lines = (texts["title"], texts["open"], texts["later"].format(date=day(until, texts)))
    title, *rest = map(escape, lines)
    return _document(name, texts["title"], [f"<h1>{title}</h1>", *(f"<p>{line}</p>" for line in rest)])


def gone(language: str | None) -> str:
    """Return the page of a link that leads nowhere any more."""
    name, texts = texts_for(language)
    return _document(name, texts["title"], [f"<h1>{escape(texts['title'])}</h1>", f"<p>{escape(texts['gone'])}</p>"])


def _lines(lines: tuple[str, ...], *, listed: bool) -> list[str]:
    if listed and len(lines) > 1:
        return ["<ul>", *(f"<li>{escape(line)}</li>" for line in lines), "</ul>"]
    return [f"<p>{escape(line)}</p>" for line in lines]


def _document(language: str, title: str, parts: list[str]) -> str:
    return (
        f'<!doctype html>\n<html lang="{language}">\n<head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta name="robots" content="noindex"><title>{escape(title)}</title><style>{STYLE}</style></head>\n'
        f"<body><main>\n{chr(10).join(parts)}\n</main></body>\n</html>\n"
    )

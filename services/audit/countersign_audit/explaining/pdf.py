"""An explanation as a PDF: the same words, in a font that comes along (Bitstream Vera: Latin letters)."""

from functools import cache
from io import BytesIO
from xml.sax.saxutils import escape

from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import Paragraph, SimpleDocTemplate, Spacer

from countersign_audit.explaining.words import Page

PLAIN, BOLD = "Vera", "VeraBd"
MARGIN = 22 * mm


@cache
def _styles() -> dict[str, ParagraphStyle]:
    for name in (PLAIN, BOLD):
        pdfmetrics.registerFont(TTFont(name, f"{name}.ttf"))
    text = ParagraphStyle("text", fontName=PLAIN, fontSize=10.5, leading=15.5, spaceAfter=3)
    return {
        "text": text,
        "small": ParagraphStyle("small", parent=text, fontSize=8.5, leading=12.5),
        "item": ParagraphStyle("item", parent=text, leftIndent=12, bulletIndent=2),
        "title": ParagraphStyle("title", fontName=BOLD, fontSize=17, leading=22, spaceAfter=6),
        "heading": ParagraphStyle("heading", fontName=BOLD, fontSize=12, leading=16, spaceBefore=12, spaceAfter=4),
    }


def as_pdf(page: Page) -> bytes:
    """Return a page as a PDF: one column, black on white, its language and title named."""
    styles = _styles()
    parts = [Paragraph(escape(page.title), styles["title"]), Paragraph(escape(page.reference), styles["small"])]
    for number, section in enumerate(page.sections):
        if number:
            parts.append(Paragraph(escape(section.heading), styles["heading"]))
        listed = number > 0 and len(section.lines) > 1
        parts += [
            Paragraph(escape(line), styles["item"], bulletText="\N{EN DASH}")
            if listed
            else Paragraph(escape(line), styles["text"])
            for line in section.lines
        ]
    parts += [Spacer(1, 16), Paragraph(escape(page.closing), styles["small"])]
    written = BytesIO()
    SimpleDocTemplate(
        written, pagesize=A4, leftMargin=MARGIN, rightMargin=MARGIN, topMargin=MARGIN, bottomMargin=MARGIN,
        title=page.title, lang=page.language, invariant=True, author="Countersign",
    ).build(parts)  # fmt: skip
    return written.getvalue()

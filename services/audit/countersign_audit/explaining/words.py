"""An explanation in the words of a language: headings and sentences, for a page or a PDF to set."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from countersign_audit.domain.explanation import Explanation
from countersign_audit.explaining.writing import day, written

TEXTS = Path(__file__).with_name("texts")
OTHERWISE = "en"
"""For a case in a language that nobody has written texts in."""


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and what stands under it; more than one line is a list."""

    heading: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """All of an explanation, in words; ``language`` is that of the sentences."""

    language: str
    title: str
    reference: str
    sections: tuple[Section, ...]
    closing: str


@cache
def languages() -> Mapping[str, Mapping[str, str]]:
    """Return the texts of every language there are any in."""
    return {
        path.stem: yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
        for path in sorted(TEXTS.glob("*.yaml"))
    }


def texts_for(language: str | None) -> tuple[str, Mapping[str, str]]:
    """Return the language that comes closest to a case's (`de` for `de-AT`), and its texts."""
    known = languages()
    wanted = (language or OTHERWISE).lower().replace("_", "-")
    chosen = next((name for name in (wanted, wanted.partition("-")[0]) if name in known), OTHERWISE)
    return chosen, known[chosen]


def in_words(explanation: Explanation, *, made_on: str, contest: str | None = None) -> Page:
    """Write an explanation; ``contest`` is the operator's own way of objecting, instead of the general one."""
    language, texts = texts_for(explanation.language)
    sections = [Section(texts["title"], tuple(_decided(explanation, texts)))]
    if explanation.terms and explanation.outcome:
        terms = (f"{one.label}: {written(one, texts)}" for one in explanation.terms)
        sections.append(Section(texts["terms"], tuple(terms)))
    if explanation.factors:
        lines = (
            texts["towards" if one.towards else "against"].format(label=one.label, value=written(one, texts))
            for one in explanation.factors
        )
        sections.append(Section(texts["factors"], tuple(lines)))
    for heading, lines_of in ((texts["reasons"], explanation.reasons), (texts["rules"], explanation.rules)):
        if lines_of:
            sections.append(Section(heading, tuple(lines_of)))
    sections.append(Section(texts["contest"], (contest or texts["contest_text"],)))
    reference = f"{texts['reference']}: {explanation.case_id}"
    if explanation.decision_id:
        reference += f" / {explanation.decision_id}"
    return Page(
        language, texts["title"], reference, tuple(sections), texts["your_data"].format(date=day(made_on, texts))
    )


def _decided(explanation: Explanation, texts: Mapping[str, str]) -> list[str]:
    closed_as = explanation.closed_as
    if closed_as is None:
        return [texts["open"]]
    if closed_as != "decided":
        return [texts["closed"].format(how=texts.get(closed_as, closed_as))]
    lines = [texts["decided"].format(outcome=explanation.outcome or "-")]
    if explanation.decided_at:
        lines.append(texts["decided_on"].format(date=day(explanation.decided_at, texts)))
    if explanation.mode in {"automatic", "human_with_ai", "human"}:
        lines.append(texts[explanation.mode])
    if explanation.mode == "human_with_ai" and f"relation_{explanation.relation}" in texts:
        lines.append(texts[f"relation_{explanation.relation}"])
    if explanation.replaces:
        lines.append(texts["replaces"])
    return lines

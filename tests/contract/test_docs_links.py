"""Documents lead somewhere: links, anchors, pictures, files named in passing, and an index that leaves nothing out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT
from tests.contract.documents import Document, documents

EVERY = pytest.mark.parametrize("document", documents(), ids=lambda document: document.name)
PLACES = ("docs/", "tests/", "services/", "shared/", "deploy/")
PLACEHOLDER = re.compile(r"[<>*{}]|\b(?:TOPIC|SERVICE|NAME)\b")
INDEX = ROOT / "docs" / "README.md"


def resolved(document: Document, target: str) -> tuple[Path, str]:
    path, _, anchor = target.partition("#")
    return (document.path.parent / path).resolve() if path else document.path, anchor


@EVERY
def test_every_relative_link_resolves(document: Document) -> None:
    broken = []
    for target in document.links:
        if re.match(r"[a-z]+:", target):
            continue
        path, anchor = resolved(document, target)
        if not path.exists() or not path.is_relative_to(ROOT):
            broken.append(f"{target}: no such file")
        elif anchor and anchor not in Document(path).anchors:
            broken.append(f"{target}: no such heading")
    assert broken == []


@EVERY
def test_every_file_named_in_passing_exists(document: Document) -> None:
    named = {word for word in re.findall(r"`([^`\s]+)`", document.prose) if word.startswith(PLACES)}
    # A test is named as pytest names it: the file, then what is in it.
    plain = {word.partition("::")[0] for word in named if not PLACEHOLDER.search(word)}
    assert [word for word in sorted(plain) if not (ROOT / word).exists()] == []


def test_pictures_have_words_for_those_who_cannot_see_them() -> None:
    silent = [
        f"{document.name}: {tag}"
        for document in documents()
        for tag in re.findall(r"<img\b[^>]*>|!\[\]\([^)]*\)", document.prose)
        if not re.search(r'alt="[^"]{10,}"', tag)
    ]
    assert silent == []


def test_the_index_leads_to_every_page_of_the_documentation() -> None:
    index = Document(INDEX)
    reached = {resolved(index, target)[0] for target in index.links if not re.match(r"[a-z]+:", target)}
    pages = {path for path in (ROOT / "docs").rglob("*.md") if path != INDEX}
    assert sorted(path.relative_to(ROOT).as_posix() for path in pages - reached) == []


def test_the_index_calls_decisions_by_their_titles() -> None:
    titles = {
        path.name: path.read_text(encoding="utf-8").partition("\n")[0].lstrip("# ").strip()
        for path in (ROOT / "docs" / "adr").glob("*.md")
    }
    listed = {name: title for title, name in re.findall(r"\[([^\]]+)\]\(adr/([^)]+)\)", Document(INDEX).text)}
    assert listed == titles

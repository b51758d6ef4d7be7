"""What the tests of the documents look at: committed Markdown files, their links, code blocks and commands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.architecture.sources import ROOT

SKIPPED = {".git", ".venv", "node_modules", "__pycache__", ".hypothesis"}
FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\w*)\n(?P<text>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL)
COMMENT = re.compile(r"<!-- *(?P<text>.*?) *-->\n\Z")
SHELLS = {"sh", "shell", "bash", ""}
CUT = re.compile(r",?\s*\.\.\.(?=\s*[}\]])|\.\.\.\s*,")
"""An ellipsis in JSON stands for what was cut: at the end of an object or array, or between members."""


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text and the comment above it, which says what it is."""

    language: str
    text: str
    comment: str


@dataclass(frozen=True)
class Document:
    """One Markdown file."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.relative_to(ROOT).as_posix()

    @property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @property
    def blocks(self) -> list[Block]:
        found = []
        for match in FENCE.finditer(self.text):
            comment = COMMENT.search(self.text[: match.start()])
            found.append(Block(match["language"], match["text"], comment["text"] if comment else ""))
        return found

    @property
    def prose(self) -> str:
        """The text without fenced blocks."""
        return FENCE.sub("", self.text)

    @property
    def links(self) -> Iterator[str]:
        """Every target: inline links, images, and those of HTML tags."""
        bare = re.sub(r"`[^`\n]*`", "", self.prose)
        yield from re.findall(r"\]\(([^)\s]+)\)", bare)
        yield from re.findall(r"\b(?:src|srcset|href)=\"([^\"]+)\"", bare)

    @property
    def commands(self) -> Iterator[str]:
        """Every line of a shell block, and everything in backticks, that could be a command."""
        for block in self.blocks:
            if block.language in SHELLS:
                yield from (line.strip().removeprefix("$ ") for line in block.text.splitlines())
        yield from re.findall(r"`([^`\n]+)`", self.prose)

    @property
    def anchors(self) -> set[str]:
        """The anchors of its headings, as GitHub makes them."""
        headings = re.findall(r"^#+ +(.+?) *$", self.prose, re.MULTILINE)
        return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def documents() -> list[Document]:
    """Every Markdown file of the tree that is ours."""
    found = sorted(path for path in ROOT.rglob("*.md") if not SKIPPED & set(path.relative_to(ROOT).parts))
    return [Document(path) for path in found]

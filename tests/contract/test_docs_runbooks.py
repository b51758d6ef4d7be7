"""What runbooks say to look for is what the programs say."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from functools import cache

import pytest

from countersign_shared.runtime import EXIT_AWAY, EXIT_CONFIGURATION, EXIT_FATAL
from tests.architecture.sources import ROOT
from tests.contract.documents import Document, documents

KILLED = 128 + 9
"""As a shell and Docker tell of a process that was killed."""
SOURCES = ("shared/countersign_shared", "services", "deploy/local/countersign_local")
OURS_TO_SAY = re.compile(
    r"(?!countersign |docker |kafka-|grep |python |select |(?:GET|POST|PUT) )\S+ \S.*", re.DOTALL | re.IGNORECASE
)
"""A quotation of several words that is no command: a line of a log, or a part of one."""
BLANK = re.compile(r"\b[A-Z]{3,}\b|\b[NM]\b|\.\.\.|\d[\d,]*")
"""What a quotation leaves open: TOPIC, N, an ellipsis, a number."""
SETTING = re.compile(r"\b[A-Z]+(?:_[A-Z]+)+\b")
VALUE = "\0"
"""Stands where a message of the sources has a value."""
RUNBOOKS = [document for document in documents() if document.name.startswith("docs/runbooks/")]


@cache
def messages() -> str:
    """Every text that the sources hold, a line each."""
    found = []
    for base in SOURCES:
        for path in sorted((ROOT / base).rglob("*.py")):
            if not {"node_modules", "tests"} & set(path.relative_to(ROOT).parts):
                found += list(texts(ast.parse(path.read_text(encoding="utf-8"))))
    return "\n".join(" ".join(text.split()) for text in found)


def texts(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(one.value) if isinstance(one, ast.Constant) else VALUE for one in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield re.sub(r"%(?:\.\d+)?[sdr]", VALUE, node.value)


def quoted(document: Document) -> list[str]:
    """The messages that a runbook names: in backticks, between quotation marks, and what it greps for."""
    found = re.findall(r"`([^`]+)`", document.prose)
    found += re.findall(r"\"([^\"]+)\"", re.sub(r"`[^`]*`", "", document.prose))
    found += [word for block in document.blocks for word in re.findall(r"grep \"([^\"]+)\"", block.text)]
    return [" ".join(text.split()) for text in found if OURS_TO_SAY.fullmatch(text)]


def said(quotation: str) -> bool:
    """Whether some message of the sources holds these words, with anything where the quotation leaves a blank."""
    kept = SETTING.sub(lambda match: match[0].lower(), quotation)
    words = [re.escape(part) for part in BLANK.split(kept)]
    return re.search(r"[^\n]{0,40}?".join(words), messages(), re.IGNORECASE) is not None


@pytest.mark.parametrize("document", RUNBOOKS, ids=lambda one: one.name)
def test_messages_that_a_runbook_quotes_are_said_by_the_programs(document: Document) -> None:
    assert [text for text in quoted(document) if not said(text)] == []


def test_quotations_are_found_and_slips_in_them_noticed() -> None:
    found = [text for document in RUNBOOKS for text in quoted(document)]
    assert len(found) > 20
    assert "cannot read TOPIC[PARTITION] at offset N" in found
    assert said("the database holds N entries")
    assert not said("the database holds N letters")
    assert not said("topic ... is amiss")


def test_the_exit_codes_that_say_what_to_do_are_those_of_the_services() -> None:
    (page,) = [document for document in RUNBOOKS if document.path.stem == "service-down"]
    codes = {int(code) for code in re.findall(r"^\| (\d+) \|", page.prose, re.MULTILINE)}
    assert codes == {EXIT_CONFIGURATION, EXIT_AWAY, EXIT_FATAL, KILLED}


@pytest.mark.parametrize("document", RUNBOOKS, ids=lambda one: one.name)
def test_panels_and_rows_that_a_runbook_names_are_on_the_board(document: Document) -> None:
    file = ROOT / "deploy" / "grafana" / "dashboards" / "countersign.json"
    titles: dict[bool, set[str]] = {True: set(), False: set()}
    for one in json.loads(file.read_bytes())["panels"]:
        titles[one["type"] == "row"].add(one["title"])
    for kind, name in re.findall(r"\b(row|panel) +\*([^*]+)\*", " ".join(document.prose.split())):
        assert name in titles[kind == "row"], f"{kind} {name}"

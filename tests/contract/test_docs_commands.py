"""Commands named in documents exist: targets of the Makefile, subcommands and options of `countersign`, modules."""

from __future__ import annotations

import importlib.util
import re
import shlex
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from countersign_local.cli.ending import ended_by
from tests.architecture.sources import ROOT
from tests.contract.documents import Document, documents
from tests.fixtures.commands import program

EVERY = pytest.mark.parametrize("document", documents(), ids=lambda document: document.name)
OURS = re.compile(r"(?:^|[\s/(])countersign +(?P<rest>[^;&>#)]+)")
MAKE = re.compile(r"(?:^|\s)make +(?P<target>[a-z]+)(?: +ARGS=\"(?P<arguments>[^\"]*)\")?")
OURS_TOO = {"demo", "dev", "bench"}
"""Targets whose ARGS go to the `countersign` command of the same name."""
ALWAYS = {"--help"}


@cache
def targets() -> set[str]:
    return set(re.findall(r"^([a-z]+):.*## ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


def faults_of(words: list[str]) -> Iterator[str]:
    """Say what is wrong with the words that follow `countersign`."""
    command: Any = program()
    position = 0
    while getattr(command, "commands", None) and position < len(words) and not words[position].startswith("-"):
        names = words[position].split("|")
        if unknown := [name for name in names if name not in command.commands]:
            yield f"no such command: {unknown[0]}"
            return
        command = command.commands[names[0]]
        position += 1
    if command.context_settings.get("ignore_unknown_options"):
        return
    known = ALWAYS.union(*(parameter.opts for parameter in command.params))
    for word in words[position:]:
        option = word.partition("=")[0]
        if option.startswith("--") and option not in known:
            yield f"no such option: {option}"


def split(text: str) -> list[str]:
    """Return the words of one command, up to a pipe or the end of what can be read as one."""
    try:
        words = shlex.split(text)
    except ValueError:
        words = text.split()
    return words[: words.index("|")] if "|" in words else words


@EVERY
def test_every_countersign_command_exists(document: Document) -> None:
    faults = [
        f"countersign {match['rest'].strip()}: {fault}"
        for line in document.commands
        for match in OURS.finditer(line)
        for fault in faults_of(split(match["rest"]))
    ]
    assert faults == []


@EVERY
def test_every_make_target_exists(document: Document) -> None:
    called = [match for line in document.commands for match in MAKE.finditer(line)]
    assert {match["target"] for match in called} <= targets()
    faults = [
        f"{match[0].strip()}: {fault}"
        for match in called
        if match["target"] in OURS_TOO
        for fault in faults_of([match["target"], *shlex.split(match["arguments"] or "")])
    ]
    assert faults == []


@EVERY
def test_every_module_that_is_run_exists(document: Document) -> None:
    named = {name for line in document.commands for name in re.findall(r"python -m (countersign_\w+)", line)}
    assert [name for name in sorted(named) if importlib.util.find_spec(name) is None] == []


def test_the_check_itself_would_notice() -> None:
    assert list(faults_of(["audit", "verify", "--old", "FILE"])) == []
    assert list(faults_of(["dead-letters", "list|show"])) == []
    assert list(faults_of(["audit", "shred"])) == ["no such command: shred"]
    assert list(faults_of(["demo", "--headles"])) == ["no such option: --headles"]
    assert OURS.search(".venv/bin/countersign demo")


def leaves(command: Any, name: str = "") -> Iterator[str]:
    """Give the full name of every command that does something."""
    below = getattr(command, "commands", None)
    if not below:
        yield name
    for word, one in (below or {}).items():
        yield from leaves(one, f"{name} {word}".strip())


def test_the_page_of_the_command_line_says_of_every_command_what_it_needs() -> None:
    page = (ROOT / "deploy" / "local" / "README.md").read_text(encoding="utf-8")
    table = page.partition("| command | needs |")[2].partition("\n\n")[0]
    said = set(re.findall("`([a-z -]+)`", table))
    groups = {word for word in program().commands if word in said}
    assert [name for name in leaves(program()) if name not in said and name.split()[0] not in groups] == []


def test_the_readme_names_the_command_that_continuous_integration_runs() -> None:
    run = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "exec make test" in run
    assert "make test" in "\n".join(Document(ROOT / "README.md").commands)


@pytest.mark.parametrize(("command", "column"), [("check", 1), ("test", 1), ("diff", 2), ("draw", 2), ("replay", 2)])
def test_the_exit_code_of_a_file_that_cannot_be_read_is_the_one_told(command: str, column: int) -> None:
    page = Document(ROOT / "docs" / "how-to" / "replay-a-policy.md")
    rows = [re.split(r" *\| *", row.strip("| ")) for row in re.findall(r"^\| \d+ \|.*", page.prose, re.MULTILINE)]
    arguments = ["policy", command, "nowhere.yaml", *(["--out", "drawn.svg"] if command == "draw" else [])]
    try:
        ended = ended_by(lambda: program()(arguments))
    except SystemExit as ending:
        ended = int(ending.code or 0)
    assert [int(cells[0]) for cells in rows if "cannot be read" in cells[column]] == [ended]

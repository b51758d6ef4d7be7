"""Every trap has a test that shows we stay clear of it, or a reason why it cannot be met yet."""

from __future__ import annotations

import ast
import re
from functools import cache

import pytest

from tests.architecture.sources import ROOT, calls, modules

PAGE = ROOT / "docs" / "traps.md"
EXPECTED = {str(number) for number in (*range(1, 21), *range(41, 47))}
SECTION = re.compile(r"^### (\d+|[A-Z])\. ", re.MULTILINE)
NODE = re.compile(r"^\* `(tests/[\w/]+\.py)::((?:\w+::)?\w+)`$", re.MULTILINE)
NOT_YET = re.compile(r"^Does not apply yet: \S", re.MULTILINE)
LISTED = re.compile(r"^\* ", re.MULTILINE)
NOTIFIES = re.compile(r"\b(NOTIFY|pg_notify)\b", re.IGNORECASE)


@cache
def sections() -> dict[str, str]:
    """Each trap's text by its number."""
    parts = SECTION.split(PAGE.read_text(encoding="utf-8"))[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


@cache
def defined_in(path: str) -> frozenset[str]:
    """The tests of a file, those of a class as `Class::test`."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"), filename=path)
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    inside = {f"{outer.name}::{name}" for outer in classes for name in _functions(outer)}
    return frozenset(inside | set(_functions(tree)))


def _functions(node: ast.Module | ast.ClassDef) -> list[str]:
    return [part.name for part in node.body if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef)]


def test_no_trap_is_left_out() -> None:
    numbers = SECTION.findall(PAGE.read_text(encoding="utf-8"))
    assert len(numbers) == len(set(numbers))
    assert {number for number in numbers if number.isdecimal()} == EXPECTED


@pytest.mark.parametrize("number", list(sections()))
def test_a_trap_names_tests_that_exist_or_says_why_it_has_none(number: str) -> None:
    text = sections()[number]
    nodes = NODE.findall(text)
    assert bool(nodes) != bool(NOT_YET.search(text)), f"trap {number}: tests, or a reason why it does not apply yet"
    assert len(nodes) == len(LISTED.findall(text)), f"trap {number} lists something that is no test"
    missing = [f"{path}::{name}" for path, name in nodes if not (ROOT / path).is_file() or name not in defined_in(path)]
    assert missing == []


def test_every_test_named_after_a_trap_is_on_the_page() -> None:
    cited = {name.rsplit("::", 1)[-1] for text in sections().values() for _, name in NODE.findall(text)}
    named = {
        name.rsplit("::", 1)[-1]
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in defined_in(path.relative_to(ROOT).as_posix())
        if re.match(r"(\w+::)?test_traps?_\d", name) or path.name.startswith("test_traps_")
    }
    assert {name for name in named if name.startswith("test_")} - cited == set()


def test_trap_19_one_statement_notifies_and_no_transaction_that_writes_has_it() -> None:
    # The live stream's hint: sent alone, at most every 50 ms, after the commit of what it speaks of.
    hint = ROOT / "services" / "review" / "countersign_review" / "sql" / "live.sql"
    statements = [path for top in ("shared", "services", "deploy") for path in (ROOT / top).rglob("*.sql")]
    assert statements
    found = [
        str(path.relative_to(ROOT))
        for path in statements
        if path != hint and NOTIFIES.search(path.read_text(encoding="utf-8"))
    ]
    assert len(NOTIFIES.findall(hint.read_text(encoding="utf-8"))) == 1
    found += [
        f"{module}:{call.lineno}"
        for module in modules()
        for name, call in calls(module.tree)
        if name.endswith(".execute") and NOTIFIES.search(ast.unparse(call))
    ]
    assert found == []

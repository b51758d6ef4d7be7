"""The how-to's policies are policies: what is shown to work works, what is shown to be wrong is wrong there."""

from __future__ import annotations

import re

from countersign_router.language.diagnostics import errors
from countersign_router.language.examples import problems
from countersign_router.language.expression_rules import Variable
from countersign_router.language.expressions import Compiled, Source, compile_expressions
from tests.architecture.sources import ROOT
from tests.contract.documents import Document
from tests.unit.router.cases import decision_types

HOW_TO = Document(ROOT / "docs" / "how-to" / "write-a-policy.md")
VARIABLES = {
    "case.amount": Variable("money"), "case.country": Variable("string", optional=True),
    "case.purchased_on": Variable("date"), "case.customer_since": Variable("timestamp", optional=True),
    "case.channel": Variable("string"), "case.message": Variable("string"),
    "case.links": Variable("strings"), "signals.similarity": Variable("number"),
    "policy.age": Variable("duration"), "controls.peak": Variable("boolean"), "now": Variable("timestamp"),
}  # fmt: skip


def shown(what: str) -> bytes:
    (block,) = [block for block in HOW_TO.blocks if block.comment == what]
    return block.text.encode()


def test_the_smallest_policy_is_one_and_its_examples_pass() -> None:
    assert problems(shown("policy"), decision_types()) == []


def test_the_slips_are_shown_where_they_are() -> None:
    found = errors(problems(shown("slips"), decision_types()))
    rows = re.findall(r"^\| (\d+), (\d+) \| (.+?) \| (.*?) ?\|$", HOW_TO.text, re.MULTILINE)
    assert sorted((one.line, one.column, one.message, one.hint or "") for one in found) == [
        (int(line), int(column), message, hint) for line, column, message, hint in rows
    ]


def test_every_expression_of_the_table_is_one() -> None:
    section = HOW_TO.text.partition("## Say what you mean")[2].partition("\n\nThat is all")[0]
    cells = [row.split(" | ", 1)[1] for row in section.splitlines() if row.startswith("| ") and " | " in row]
    texts = [text.replace(r"\|", "|") for cell in cells for text in re.findall(r"`([^`]+)`", cell)]
    expressions = [text for text in texts if re.match(r"(!?has\(case|case\.|now|policy\.|controls\.|signals\.)", text)]
    assert len(expressions) == 11
    made = compile_expressions([Source(one, one, "boolean") for one in expressions], VARIABLES, {"USD": 2, "EUR": 2})
    assert isinstance(made, Compiled), made
    assert made.unusable == ()

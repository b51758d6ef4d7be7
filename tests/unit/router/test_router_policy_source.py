"""Where things stand in a policy file: every character of every text, however YAML writes it."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from countersign_router.language.diagnostics import Diagnostic
from countersign_router.language.expression_cost import Size, cost
from countersign_router.language.expression_tree import Node
from countersign_router.language.pattern_size import pattern_size
from countersign_router.language.source import PolicySource, read_source
from tests.unit.router.cases import bent

texts = st.text(st.sampled_from(list("abz.'\"\\()&|<>=! \n#:-é")), min_size=1, max_size=60).map(str.strip).filter(bool)


def source(text: str) -> PolicySource:
    found = read_source(text.encode())
    assert isinstance(found, PolicySource), found
    return found


@settings(max_examples=40, deadline=None)
@given(texts, st.sampled_from(["'", '"', "|", ">", None]), st.integers(20, 100))
def test_a_character_of_an_expression_is_found_in_the_file(text: str, style: str | None, width: int) -> None:
    written = yaml.safe_dump({"rules": [{"when": text}]}, default_style=style, width=width, allow_unicode=True)
    read, lines = source(written), written.split("\n")
    # Not every text can be written in every style.
    *_, used = (token.style for token in yaml.scan(written) if isinstance(token, yaml.ScalarToken))
    assert read.document["rules"][0]["when"] == text
    for number, row in enumerate(text.split("\n")):
        for column, letter in enumerate(row):
            if letter.isspace():
                continue
            found = read.located(Diagnostic("rules[0].when", "m", number + 1, column + 1))
            shown = lines[found.line - 1][found.column - 1]
            # Within double quotes an escape begins with a backslash.
            assert shown == letter or (shown == "\\" and used == '"')


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("a", "a"), ("a.b[1]", "y"), ("a.b[1].c", "y"), ("a.b[9]", "b"), ("a.nothing", "a"), ("a.k", "v"),
        ("q.r", "a: "),
    ],
)  # fmt: skip
def test_a_part_that_is_not_there_is_shown_at_what_should_hold_it(path: str, shown: str) -> None:
    text = "a: {b: [x, y], k: v}\n"
    found = source(text).located(Diagnostic(path, "m"))
    assert text[found.column - 1 :].startswith(shown)


@pytest.mark.parametrize(
    ("pattern", "least", "most"),
    [
        ("abc", 3, 6), ("a{50}", 50, 150), ("(ab){1,20}", 40, 120), ("((a{0,30}){0,30})b", 900, 3_000),
        (r"\pL", 300, 300),
        ("[a-z0-9]+", 1, 40), ("a|b|c", 3, 10), (r"\Qa{5}\E", 4, 50), ("", 0, 0), ("a{9}{9}{9}{9}", 6_561, 30_000),
    ],
)  # fmt: skip
def test_the_size_of_a_pattern_is_estimated_from_above(pattern: str, least: int, most: int) -> None:
    assert least <= pattern_size(pattern) <= most


@given(st.text(st.sampled_from(list(r"ab()[]{}|*+?\.^$-,0123456789pQEx:<>=!iP")), max_size=40))
def test_no_pattern_breaks_the_estimate(pattern: str) -> None:
    assert pattern_size(pattern) >= 0


def test_results_of_rules_stand_side_by_side() -> None:
    """`route` looks at them all at once."""
    rule: dict[str, Any] = {"when": "true", "level": 3}
    policy = bent(
        exceptions=[{"id": f"e{number}", **rule} for number in range(7)],
        adjust=[{"id": f"a{number}", "when": "true", "level_at_least": 3} for number in range(4)],
    ).policy
    for rules in (policy.exceptions, policy.adjustments):
        first = rules[0].when.slot
        assert [one.when.slot for one in rules] == list(range(first, first + len(rules)))


def test_what_an_expression_costs_grows_with_what_its_inputs_hold() -> None:
    search = Node("call", "matches", children=(Node("variable", "case.x"), Node("constant", text="a{10}b")))
    short, long = (cost(search, {"case.x": Size(length)}) for length in (100, 10_000))
    assert long > 20 * short
    loop = Node("loop", "acc", children=(Node("variable", "case.l"), *[Node("constant")] * 2, search, Node("constant")))
    assert cost(loop, {"case.x": Size(100), "case.l": Size(100, 50)}) > 49 * short

"""What is wrong with a policy is shown where it stands, with what was meant."""

from __future__ import annotations

import pytest
import yaml

from countersign_router.language.examples import problems
from countersign_router.language.loading import load_policy
from tests.unit.router.cases import PUBLISHED, decision_types, document, shipped_bytes

SLIPS = """\
decision_type: loan_application
version: 1
owner: lending
inputs:
  loan_amount: {type: money, currency: USD}
  owner_occupied: {type: boolean, required: false}
  loan_to_valeu: {type: number}
outcomes: {approve: {}, declne: {}}
consequence:
  factors:
    financial: "case.loan_amout > usd(1000) ? 4 : 0"
    customer: >-
      case.loan_amount > usd(5)
      ? 1 : case.loan_amount > 5.0
      ? 2 : 0
    compliance: 0
    reputation: 'case.owner_occupied ? 1 : 0'
    reversibility: 0
matrix:
  negligible: {high: 1, medium: 2, low: 2}
  low: {high: 2, medium: 3, low: 4}
  medium: {high: 1, medium: 3, low: 4}
  high: {high: 3, medium: 4, low: 4}
  critical: {high: 5, medium: 5, low: 5}
queues: {default: underwriting}
must_document: [overide]
reasons:
  principal: [{code: a, fields: [loan_amout]}, {code: b, fields: [race]}]
execute: {method: POST, url: "https://los.example/{case}/", body: {terms: ["{outcome_params.loan_amuont}"]}}
"""


def test_every_slip_is_shown_where_it_stands_with_what_was_meant() -> None:
    found = problems(SLIPS.encode(), decision_types())
    lines = SLIPS.split("\n")
    shown = {
        one.path: (lines[one.line - 1][one.column - 1 :][: one.length], one.hint) for one in found
    }  # fmt: skip
    assert shown == {
        "inputs.loan_to_valeu": ("loan_to_valeu", "did you mean loan_to_value?"),
        "outcomes.declne": ("declne", "did you mean decline?"),
        "matrix.medium.high": ("1", "raise it, or say why in allow_non_monotone"),
        "must_document[0]": ("overide", "did you mean override?"),
        "reasons.principal[0].fields[0]": ("loan_amout", "did you mean loan_amount?"),
        "reasons.principal[1].fields[0]": ("race", None),
        "execute.url": ('"https://los.example/{case}/"', "did you mean case_id?"),
        "execute.body.terms[0]": ('"{outcome_params.loan_amuont}"', "did you mean outcome_params.loan_amount?"),
        "consequence.factors.financial": ("case.loan_amout", "did you mean case.loan_amount?"),
        "consequence.factors.customer": (
            ">", "a `number` is compared with 5.0, an `integer` with 5, money with usd(5): they do not mix",
        ),
        "consequence.factors.reputation": (
            "case.owner_occupied", "write has(case.owner_occupied) && ..., or make the input required",
        ),
    }  # fmt: skip


def test_a_shape_that_is_wrong_is_shown_with_the_key_that_was_meant() -> None:
    found = problems(SLIPS.replace("version: 1", "vresion: 1").replace("matrix:", "matrx:").encode(), decision_types())
    assert {(one.path, one.line, one.hint) for one in found} == {
        ("vresion", 2, "did you mean version?"), ("version", 1, None),
        ("matrx", 19, "did you mean matrix?"), ("matrix", 1, None),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: &a [*a]", "stands for nothing before it (line 1, column 8)"),
        ("a: &a [1,2,3,4,5,6,7,8,9]\n" + "".join(
            f"b{n}: &b{n} [{','.join(['*a' if n == 0 else f'*b{n - 1}'] * 9)}]\n" for n in range(9)
        ), "more than 50,000 values, aliases counted"),
        ("[" * 100_000, "nested deeper than 40 (line 1, column 41)"),
        ("a: 1\nb: {c: 1, c: 2}", "the key 'c' appears twice (line 2, column 11)"),
        ("a: " + "9" * 5_000, "not YAML"),
        ("a: 1\nb: \x00", "the character U+0000 does not belong in a text (line 2, column 4)"),
        ("a: !!python/object:os.system x", "no tags are taken"),
        ("", "the file is empty"),
        ("a: 1\n---\nb: 1", "another document"),
        ("#" + "x" * 1_100_000, "bytes; a policy may have 1,048,576"),
        ("? {a: 1}\n: 1", "unhashable key"),
        ("version: 1\nowner mine\ninputs: {}", "a colon is missing: a line is written `key: value` (line 2, column 1)"),
        ("a:\n\tb: 1", "a tab cannot indent (line 2, column 1); use spaces"),
        ("a: @b", "a value cannot begin with @ (line 1, column 4); put it in quotes"),
        ("a: 1\nb: 'c\nd: 1\n", "this quote is never closed (line 2, column 4)"),
        ("a: 1\nb: [1, 2\nc: 1\n", "this is not closed with ], or a comma is missing in it (line 2, column 4)"),
        ("a: {b: 1 c: 2}", "a comma or } is missing before this (line 1, column 11)"),
        ("a: why: b", "a colon does not belong here (line 1, column 7); indent keys"),
        ("a:\n    b: 1\n  c: 2", "this does not fit what stands above it (line 3, column 3)"),
        ('a: "\\d"', "no such escape within double quotes (line 1, column 5); write the backslash twice"),
        ("- a", "must be a section of keys and values (line 1, column 1)"),
    ],
    ids=str,
)  # fmt: skip
def test_a_file_that_is_no_policy_is_refused_before_it_grows(text: str, words: str) -> None:
    (found,) = problems(text.encode(), decision_types())
    assert words in str(found)


def test_bytes_that_are_no_text_are_refused() -> None:
    (found,) = problems(b"version: 1\nowner: \xff", decision_types())
    assert (found.message, found.line) == ("no text: these bytes are not UTF-8", 2)


def test_aliases_within_reason_are_fine() -> None:
    text = "decision_type: refund\nqueues: &q {default: a}\nowner: *q\n"
    found = problems(text.encode(), decision_types())
    assert ("owner", 3) in {(one.path, one.line) for one in found}


WITH_LITERALS = [
    {"id": "new", "when": "has(case.owner_occupied) && policy.age < duration('7d')", "level": 4},
    {"id": "december", "when": "now.getMonth() == 12", "level": 4},
    {"id": "large", "when": "case.loan_amount > 250000", "level": 4},
]


def test_a_literal_that_fails_on_every_case_is_an_error_before_any_case_comes() -> None:
    """It was found by the first case: every one that reached the rule went to a person, as a policy error."""
    read = {**document(), "exceptions": WITH_LITERALS}
    text = yaml.safe_dump(read, sort_keys=False)
    found = [one for one in problems(text.encode(), decision_types()) if one.severity == "error"]
    lines = text.split("\n")
    assert [(one.path, lines[one.line - 1][one.column - 1 :], one.hint) for one in found] == [
        ("exceptions[0].when", "'7d')", "write hours, minutes or seconds: duration('168h')"),
        ("exceptions[1].when", "12", "months are 0 to 11: write one less"),
    ]
    # What routes already is no outage on the day of an update.
    standing = load_policy(
        text.encode(), name="old", decision_types=decision_types(), published_at=PUBLISHED, published=True
    )
    assert [one.path for one in standing.doubts] == ["exceptions[0].when", "exceptions[1].when"]


def test_money_against_a_bare_number_is_a_warning_where_it_stands() -> None:
    read = {**document(), "exceptions": WITH_LITERALS[2:]}
    text = yaml.safe_dump(read, sort_keys=False)
    (found,) = [one for one in problems(text.encode(), decision_types()) if one.path == "exceptions[0].when"]
    assert text.split("\n")[found.line - 1][found.column - 1 :] == "250000"
    assert (found.severity, found.message) == (
        "warning", "compares USD with 250000 of its smallest unit, $2,500"
    )  # fmt: skip
    assert found.hint == "write usd(2500), or usd(250000)"


@pytest.mark.parametrize(
    ("was", "written", "message", "hint"),
    [
        ("version: 1", "version: 010", "010 is read as 8, to the base of eight", "write 10"),
        ("grace_seconds: 5", "grace_seconds: 1:30", "1:30 is read as 90, to the base of sixty", "write it in one unit"),
        ("owner: mortgage-lending", "owner: on", "must be a text", "put it in quotes: YAML reads on and off"),
        ("owner: mortgage-lending", "owner: 2026-01-01", "must be a text", "put it in quotes"),
        ("enum: [none, one", "enum: [no, one", "must be a text", "put it in quotes"),
        ("blind: 0.10", "blind: 10%", "must be a number", "write it with a point and without quotes or units"),
        ("blind: 0.10", "blind: 1e-1", "must be a number", "write it with a point and without quotes or units"),
        ("version: 1", "version: '1'", "must be a whole number", "write it without quotes"),
    ],
)  # fmt: skip
def test_what_yaml_reads_otherwise_than_people_is_said_with_what_to_write(
    was: str, written: str, message: str, hint: str
) -> None:
    plain = shipped_bytes().decode()
    assert was in plain
    text = plain.replace(was, written, 1)
    (found,) = [one for one in problems(text.encode(), decision_types()) if one.severity == "error"]
    assert (found.message, (found.hint or "")[: len(hint)]) == (message, hint)
    value = written.rpartition("[")[2].partition(",")[0].removeprefix(f"{was.partition(': ')[0]}: ")
    assert text.split("\n")[found.line - 1][found.column - 1 :].startswith(value)


def test_a_number_that_is_read_otherwise_stays_as_it_was_published() -> None:
    text = shipped_bytes().replace(b"version: 1", b"version: 010", 1)
    standing = load_policy(text, name="old", decision_types=decision_types(), published_at=PUBLISHED, published=True)
    assert (standing.policy.version, [one.message[:14] for one in standing.doubts]) == (8, ["010 is read as"])

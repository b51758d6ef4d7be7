"""Decision types: the committed ones work, slips are refused by name, and no value can break what people see."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from countersign_shared.contracts.decision_types import (
    MAX_INVALID_FIELDS,
    MAX_TITLE,
    DecisionTypeError,
    build_decision_type,
    load_decision_types,
)
from countersign_shared.contracts.documents import parse_yaml
from countersign_shared.contracts.events.fields import Text
from countersign_shared.contracts.events.routed import AllowedOutcome, KeyFact
from countersign_shared.contracts.events.scored import InvalidField
from countersign_shared.contracts.field_formats import MAX_FORMATTED, Format, formatter
from countersign_shared.contracts.topics import contracts_dir
from countersign_shared.errors import ConfigurationError

REFUND = load_decision_types()["refund"]
DOCUMENT = yaml.safe_load((contracts_dir() / "decision_types/refund.yaml").read_text(encoding="utf-8"))
PAYLOAD = {
    "order_id": "A-10731",
    "amount": {"value": "89.90", "currency": "EUR"},
    "message": "It broke.",
    "purchased_on": "2026-02-20",
    "channel": "mail",
    "returned": False,
    "gender": "female",
}
KEY_FACTS = TypeAdapter(list[KeyFact])
INVALID_FIELDS = TypeAdapter(list[InvalidField])
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def changed(path: str, value: Any) -> dict[str, Any]:
    document = copy.deepcopy(DOCUMENT)
    part = document
    *steps, last = path.split(".")
    for step in steps:
        part = part[int(step)] if step.isdigit() else part[step]
    if value is ...:
        del part[last]
    else:
        part[last] = value
    return document


def test_the_committed_types_are_there() -> None:
    assert {"loan_application", "refund"} <= set(load_decision_types())


@pytest.mark.parametrize("name", sorted(load_decision_types()))
def test_a_committed_type_offers_a_way_to_say_no_and_protects_somebody(name: str) -> None:
    decision_type = load_decision_types()[name]
    assert any(outcome.adverse for outcome in decision_type.outcomes.values())
    assert decision_type.protected_fields
    assert not decision_type.protected_fields & {field.name for field in decision_type.fields}


@pytest.mark.parametrize("name", sorted(load_decision_types()))
def test_outcomes_are_what_events_carry(name: str) -> None:
    for outcome in load_decision_types()[name].outcomes.values():
        AllowedOutcome.model_validate(outcome.as_dict())


def test_a_sound_payload_is_shown_in_order_and_without_protected_fields() -> None:
    assert REFUND.check_payload(PAYLOAD) == []
    assert [(fact["field"], fact["formatted"]) for fact in REFUND.key_facts(PAYLOAD)] == [
        ("amount", "€89.90"),
        ("message", "It broke."),
        ("order_id", "A-10731"),
        ("purchased_on", "20 February 2026"),
        ("returned", "no"),
        ("channel", "mail"),
    ]
    assert REFUND.title(PAYLOAD) == "Refund of €89.90 for order A-10731"
    assert "gender" not in REFUND.without_protected(PAYLOAD)


def test_contract_the_title_of_a_mortgage_fits_a_row_of_the_queue() -> None:
    assert load_decision_types()["loan_application"].title({"loan_amount": "290000.00"}) == "$290,000 mortgage"


@pytest.mark.parametrize("lacking", [{}, {"order_id": "A-1"}, {"amount": PAYLOAD["amount"], "order_id": " "}])
def test_a_title_is_whole_or_none(lacking: dict[str, Any]) -> None:
    assert REFUND.title(lacking) is None


def test_problems_point_at_fields_and_quote_no_value() -> None:
    problems = REFUND.check_payload({**PAYLOAD, "channel": "secret", "amount": {"value": "secret"}, "gender": 7})
    assert [problem.pointer for problem in problems] == ["/amount/currency", "/amount/value", "/channel", "/gender"]
    assert "secret" not in str(problems)


def test_missing_fields_are_named() -> None:
    assert REFUND.missing_fields({"amount": None, "message": "x"}) == ["order_id", "amount"]
    assert REFUND.check_payload({}) == [
        ("/amount", "is required"),
        ("/message", "is required"),
        ("/order_id", "is required"),
    ]


def test_a_payload_with_many_problems_gets_a_short_answer() -> None:
    document = changed("payload.properties.tags", {"type": "array", "items": {"type": "string"}})
    problems = build_decision_type(document, name="t").check_payload({**PAYLOAD, "tags": [1] * 5_000})
    assert len(problems) == MAX_INVALID_FIELDS


def test_terms_are_checked_against_the_outcome() -> None:
    partial, deny = REFUND.outcomes["partial"], REFUND.outcomes["deny"]
    assert partial.check_params({"amount": {"value": "45.00", "currency": "EUR"}}) == []
    assert [problem.pointer for problem in partial.check_params({})] == ["/amount"]
    assert deny.check_params({}) == []
    assert deny.check_params({"amount": "1"})


def test_terms_are_called_by_their_titles_and_written_as_the_facts_are() -> None:
    loan = load_decision_types()["loan_application"]
    assert loan.terms("approve", {"loan_amount": "90000.00", "term_months": 360}) == [
        {"name": "loan_amount", "label": "Loan amount", "formatted": "$90,000"},
        {"name": "term_months", "label": "Term", "formatted": "360 months"},
    ]
    paid = {"amount": {"value": "40.50", "currency": "EUR"}, "message": "Sorry.", "store_credit": True, "points": 1200}
    assert [(term["label"], term["formatted"]) for term in REFUND.terms("partial", paid)] == [
        ("Amount to pay back", "€40.50"), ("Message to the customer", "Sorry."), ("Store credit", "yes"),
        ("Points", "1,200"),
    ]  # fmt: skip
    undeclared = {"a_fee": {"value": "5.00", "currency": "EUR"}, "half": {"value": "5.00"}, "code": "x"}
    assert [(term["label"], term["formatted"]) for term in REFUND.terms(None, undeclared)] == [
        ("A fee", "€5"), ("Half", '{"value":"5.00"}'), ("Code", "x"),
    ]  # fmt: skip


@given(outcome=st.none() | st.text(), terms=st.dictionaries(st.text(), json_values))
def test_no_terms_break_what_people_see(outcome: str | None, terms: dict[str, Any]) -> None:
    assert [term["name"] for term in REFUND.terms(outcome, terms)] == list(terms)
    assert [term["name"] for term in REFUND.terms("partial", terms)] == list(terms)


@given(st.dictionaries(st.sampled_from(sorted(PAYLOAD)), json_values))
def test_no_payload_breaks_what_people_see(payload: dict[str, Any]) -> None:
    title = REFUND.title({**PAYLOAD, **{name: value for name, value in payload.items() if value not in (None, "")}})
    assert title is None or (title.isprintable() and len(title) <= MAX_TITLE)
    facts = KEY_FACTS.validate_python(REFUND.key_facts(payload))
    assert "gender" not in {fact.field for fact in facts}
    INVALID_FIELDS.validate_python([problem._asdict() for problem in REFUND.check_payload(payload)])


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.00004, "0.00004"), (-0.00004, "-0.00004"), (0.000123456, "0.000123456"), (1e-9, "0.000000001"),
        (1e-30, "1e-30"), (0.0, "0"), (-0.0, "0"), (0.12345, "0.12345"), (1234.5, "1,234.5"), (0.30004, "0.30004"),
        (0.00030004, "0.00030004"), (-42.999951, "-42.999951"), (99.99999, "99.99999"), (0.1 + 0.2, "0.3"),
        (1 / 3, "0.3333333333"), (9.99999999, "9.99999999"), (1234567890.1234, "1,234,567,890.1234"),
        (1e15, "1,000,000,000,000,000"), (1e300, "1e+300"), (2**70, "1,180,591,620,717,411,303,424"),
    ],
)  # fmt: skip
def test_no_number_is_shown_as_nothing_or_with_digits_that_it_has_not(value: float, shown: str) -> None:
    assert formatter("number", unit=None, choices={})(value) == shown
    assert formatter("percent", unit=None, choices={})(value) == f"{shown} %"


@pytest.mark.parametrize(
    ("kind", "value", "shown"),
    [
        ("boolean", True, "yes"), ("boolean", False, "no"), ("boolean", 0, "0"), ("boolean", "true", "true"),
        ("number", -1234.5, "-1,234.5 km"), ("number", -0.0005, "-0.0005 km"),
        ("number", 1e15 + 0.5, "1,000,000,000,000,000.5 km"),
        ("number", True, "true"), ("number", "12", "12"), ("percent", True, "true"), ("percent", [1], "[1]"),
        ("money", 5, "5"), ("money", True, "true"),
        ("money", {"value": 5, "currency": "EUR"}, '{"value":5,"currency":"EUR"}'),
        ("date", 20260102, "20260102"), ("date", "2026-02-30", "2026-02-30"), ("text", {"a": None}, '{"a":null}'),
        ("choice", "new", "New here"), ("choice", True, "Certainly"), ("choice", 3, "Three"), ("choice", "3", "Three"),
        ("choice", "other", "other"), ("choice", ["new"], '["new"]'),
        *((kind, None, "not given") for kind in get_args(Format)),
    ],
)  # fmt: skip
def test_what_does_not_fit_its_format_is_shown_as_it_was_sent_and_never_as_something_else(
    kind: Format, value: Any, shown: str
) -> None:
    choices = {"new": "New here", "true": "Certainly", "3": "Three"}
    assert formatter(kind, unit="km", choices=choices)(value) == shown


def test_a_whole_amount_is_money_in_the_currency_of_its_field() -> None:
    assert formatter("money", unit="EUR", choices={})(1250) == "€1,250"
    assert formatter("money", unit="EUR", choices={})(True) == "true"


def test_what_is_cut_says_so_within_what_an_event_carries() -> None:
    whole, cut = ("x" * length for length in (MAX_FORMATTED, MAX_FORMATTED + 1))
    shown = formatter("text", unit=None, choices={})
    assert shown(whole) == whole
    assert shown(cut) == whole + f"… (cut; {MAX_FORMATTED + 1} characters)"
    TypeAdapter(Text).validate_python(shown("x" * 200_000))


def test_a_long_text_is_kept_once_and_cut_where_it_must_be() -> None:
    facts = {fact["field"]: fact for fact in REFUND.key_facts({"message": "x" * 30_000, "order_id": "y" * 5})}
    assert facts["message"]["value"] is None
    KEY_FACTS.validate_python(list(facts.values()))
    assert facts["message"]["formatted"].endswith("(cut; 30000 characters)")
    assert facts["order_id"]["value"] == "yyyyy"


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("owner", ..., "owner: is required"),
        ("outcomes.deny.advrse", True, "outcomes.deny.advrse"),
        ("fields.0.format", "cash", "fields.0.format"),
        ("fields.0.name", "amuont", "'amuont' is no property"),
        ("fields.5.choices", ..., "`choices` belong"),
        ("protected", ["message"], "'message' is protected"),
        ("protected", ["shoe_size"], "'shoe_size' is no property"),
        ("outcomes.deny.key", "a", "the same key"),
        ("outcomes.deny.key", "j", "belongs to the console"),
        ("title", "Refund for {gender}", "'gender' is not among the fields"),
        ("title", "Refund {", "title:"),
        ("payload.properties.order_id.type", "strng", "payload/properties/order_id/type"),
        ("payload.properties.order_id.pattern", "(", "not a JSON Schema"),
        ("payload.properties.order_id", {"$ref": "https://elsewhere.example/schema"}, "not a JSON Schema"),
        ("outcomes.partial.params_schema.required", "amount", "outcomes.partial.params_schema"),
        ("decision_type", "Refund!", "decision_type"),
    ],
)
def test_a_slip_is_refused_with_file_path_and_reason(path: str, value: Any, says: str) -> None:
    with pytest.raises(DecisionTypeError) as refused:
        build_decision_type(changed(path, value), name="refund.yaml")
    assert str(refused.value).startswith("refund.yaml")
    assert says in str(refused.value)


def test_a_directory_without_types_says_what_to_set(tmp_path: Path) -> None:
    with pytest.raises(DecisionTypeError, match="DECISION_TYPES_DIR"):
        load_decision_types(tmp_path)


def test_one_name_in_two_files_is_refused(tmp_path: Path) -> None:
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text(yaml.safe_dump(DOCUMENT), encoding="utf-8")
    with pytest.raises(DecisionTypeError, match=r"b\.yaml.*another file"):
        load_decision_types(tmp_path)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: 1\na: 2", "line 2, column 1: the key 'a' appears twice"),
        ("b: 2\na: [1, }", "line 2, column 8: "),
        ("a: [", ": did not find expected"),
        ("a: !!python/object:os.system x", "could not determine a constructor"),
        ("a:\n  " + "[" * 500_000, "line 2, column 42: nested deeper than 40"),
        ("a: " + "[" * 39 + "1" + "]" * 39 + "\nb: 1\nb: 2", "line 3, column 1: the key 'b' appears twice"),
        ("? [1]\n: 2", ""),
        ("a: \x00", ""),
    ],
)
def test_yaml_that_is_not_plain_is_refused_with_its_place(text: str, says: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        parse_yaml(text.encode(), name="f.yaml")
    assert str(refused.value).startswith("f.yaml")
    assert says in str(refused.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    from countersign_shared.contracts.documents import read_yaml

    with pytest.raises(ConfigurationError, match=r"nowhere\.yaml: cannot be read"):
        read_yaml(tmp_path / "nowhere.yaml")

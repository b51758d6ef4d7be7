"""What an affected person is told: what was used, in words they can read, and nothing they must not see."""

from __future__ import annotations

import json
from typing import Any

import pytest

from countersign_audit.domain.explanation import Told, explain
from countersign_audit.explaining.page import asking, explained, gone
from countersign_audit.explaining.pdf import as_pdf
from countersign_audit.explaining.words import in_words, languages
from countersign_audit.explaining.writing import written
from countersign_shared.contracts.decision_types import load_decision_types
from countersign_shared.contracts.field_formats import Format
from countersign_shared.contracts.topics import contracts_dir

LOAN = load_decision_types()["loan_application"]
LABELS = {field.name: field.label for field in LOAN.fields}
OUTCOMES = {name: outcome.label for name, outcome in LOAN.outcomes.items()}
DASH = "\N{EN DASH}"
MADE_ON = "2026-03-05T08:00:00Z"


def example(path: str) -> dict[str, Any]:
    return json.loads((contracts_dir() / "examples" / f"{path}.json").read_text(encoding="utf-8"))


def bodies(decision: dict[str, Any] | None = None, language: str | None = None) -> dict[str, list[dict[str, Any]]]:
    scored = example("case.scored/loan_application")
    found = {"case.created": [scored["case"] | {"language": language}], "case.scored": [scored]}
    if decision is not None:
        found["decision.made"] = [decision]
    return found


def told(decision: dict[str, Any] | None, language: str | None = None) -> str:
    found = explain("loan-1", bodies(decision, language), LOAN)
    page = in_words(found, made_on=MADE_ON)
    return "\n".join(line for section in page.sections for line in (section.heading, *section.lines))


AUTOMATIC = example("decision.made/loan_application.automatic")


def test_an_automatic_decision_says_so_and_names_what_weighed_most() -> None:
    said = told(AUTOMATIC)
    assert f"What was decided: {OUTCOMES['approve']}." in said
    assert "A computer program made this decision." in said
    assert f"{LABELS['credit_meets_guidelines']}: yes - spoke for the proposal." in said
    assert f"{LABELS['loan_to_value']}: 78.1 % - spoke against the proposal." in said
    assert "You can object." in said


def test_the_terms_of_a_decision_and_what_weighed_are_told_as_people_read_them() -> None:
    said = told(AUTOMATIC | {"outcome_params": {"loan_amount": "103000.00", "term_months": 360}})
    assert "On these terms\nLoan amount: $103,000\nTerm: 360 months" in said
    assert "On these terms" not in told(AUTOMATIC | {"outcome_params": {}})
    assert "On these terms" not in told(AUTOMATIC | {"closed_as": "withdrawn", "outcome": None})
    factors = [{"field": "consumer_credit_record", "value": "delinquent_90_days", "effect": 1, "direction": "against"}]
    found = bodies(AUTOMATIC)
    found["case.scored"][0]["proposal"]["explanation"]["factors"] = factors
    (weighed,) = explain("loan-1", found, LOAN).factors
    assert (weighed.label, weighed.value) == ("Consumer credit", "90 days or more behind")
    (unknown,) = explain("loan-1", found, None).factors
    assert (unknown.label, unknown.value) == ("consumer_credit_record", "delinquent 90 days")


def test_what_weighed_most_comes_first_and_rules_are_told_where_nobody_else_decided() -> None:
    effects = [0.1, -0.9, 0.5, 0.2, -0.3, 0.05]
    for mode, rules in (("automatic", ["r0", "r1", "r2", "r3"]), ("human_with_ai", ()), ("human", ())):
        found = bodies(AUTOMATIC | {"mode": mode})
        found["case.scored"][0]["proposal"]["explanation"]["factors"] = [
            {"field": f"f{number}", "value": number, "effect": effect} for number, effect in enumerate(effects)
        ]
        found["case.routed"] = [{"reasons": [{"text": f"r{number}"} for number in range(6)]}]
        said = explain("loan-1", found, None)
        weighed = [] if mode == "human" else ["f1", "f2", "f4", "f3", "f0"]
        assert ([one.label for one in said.factors], said.rules) == (weighed, rules)


def test_in_german_numbers_amounts_and_dates_are_written_as_germans_do() -> None:
    refund = load_decision_types()["refund"]
    params = {"amount": {"value": "1234.50", "currency": "EUR"}, "message": "1,5 Tage, 2.500 km"}
    decision = AUTOMATIC | {"outcome": "partial", "outcome_params": params}
    found = bodies(decision, "de")
    found["case.scored"][0]["proposal"]["explanation"]["factors"] = [
        {"field": field, "value": value, "effect": 1, "direction": "for"}
        for field, value in (("purchased_on", "2026-02-20"), ("returned", False), ("channel", None))
    ]
    page = in_words(explain("r", found, refund), made_on=MADE_ON)
    said = "\n".join(line for section in page.sections for line in section.lines)
    assert "Amount to pay back: 1.234,50\u00a0€\nMessage to the customer: 1,5 Tage, 2.500 km" in said
    assert f"Bought on: 20. Februar 2026 {DASH} sprach für den Vorschlag." in said
    assert f"Goods came back: nein {DASH} " in said
    assert f"Asked by: nicht angegeben {DASH} " in said
    assert "Entschieden am 2. März 2026." in said
    assert "am 5. März 2026" in page.closing
    loan = told(AUTOMATIC | {"outcome_params": {"loan_amount": "103000.00", "term_months": 1360}}, "de")
    assert "Loan amount: 103.000\u00a0$\nTerm: 1.360 months" in loan
    assert f"78,1 % {DASH} sprach gegen den Vorschlag." in loan


@pytest.mark.parametrize(("kind", "value"), [("number", "many"), ("money", "about 5"), ("date", "soon")])
def test_what_has_not_the_form_of_its_kind_is_written_as_it_is(kind: Format, value: str) -> None:
    assert written(Told("x", value, kind), languages()["de"]) == value


def test_where_the_proposal_was_not_used_its_factors_are_not_told() -> None:
    said = told(AUTOMATIC | {"mode": "human", "relation": "overrode"})
    assert "No computer program's proposal was used." in said
    assert LABELS["credit_meets_guidelines"] not in said
    assert "differently" not in said


def test_principal_reasons_are_told_and_a_later_decision_counts() -> None:
    adverse = AUTOMATIC | {
        "decision_id": "second", "supersedes": AUTOMATIC["decision_id"], "mode": "human_with_ai", "outcome": "decline",
        "relation": "overrode", "principal_reasons": [{"code": "x", "text": "Obligations are too high."}],
    }  # fmt: skip
    found = bodies(AUTOMATIC)
    found["decision.made"].append(adverse)
    explanation = explain("loan-1", found, LOAN)
    assert (explanation.decision_id, explanation.replaces) == ("second", True)
    said = told(adverse)
    assert "Obligations are too high." in said
    assert "decided differently" in said
    assert "It replaces an earlier decision." in said


def test_a_protected_field_is_never_named() -> None:
    protected = next(iter(LOAN.protected_fields))
    found = bodies(AUTOMATIC)
    factors = found["case.scored"][0]["proposal"]["explanation"]["factors"]
    factors.append({"field": protected, "value": "a", "effect": 9.0, "direction": "for"})
    explanation = explain("loan-1", found, LOAN)
    assert all(one.value != "a" for one in explanation.factors)


def test_an_open_and_a_closed_case_say_what_they_are() -> None:
    assert "No decision has been made yet." in told(None)
    assert "closed without a decision (withdrawn)" in told(AUTOMATIC | {"closed_as": "withdrawn", "outcome": None})


@pytest.mark.parametrize(("language", "chosen"), [("de-AT", "de"), ("DE", "de"), ("fr", "en"), (None, "en")])
def test_it_speaks_the_cases_language_where_there_are_texts(language: str | None, chosen: str) -> None:
    explanation = explain("c", bodies(AUTOMATIC, language), LOAN)
    page = in_words(explanation, made_on=MADE_ON)
    assert page.language == chosen
    assert page.title == languages()[chosen]["title"]


def test_every_language_has_every_text_with_the_same_places() -> None:
    english = languages()["en"]
    for name, texts in languages().items():
        assert texts.keys() == english.keys(), name
        for key, text in texts.items():
            assert isinstance(text, str)
            assert text.count("{") == english[key].count("{"), (name, key)


def test_the_operators_way_of_objecting_stands_in_for_the_general_one() -> None:
    explanation = explain("c", bodies(AUTOMATIC), LOAN)
    page = in_words(explanation, made_on=MADE_ON, contest="Write to the ombudsman within 30 days.")
    assert page.sections[-1].lines == ("Write to the ombudsman within 30 days.",)


def test_page_and_pdf_hold_the_same_and_let_nothing_in() -> None:
    hostile = AUTOMATIC | {"principal_reasons": [{"code": "x", "text": "<script>alert(1)</script> & more"}]}
    explanation = explain("c", bodies(hostile), LOAN)
    words = in_words(explanation, made_on=MADE_ON)
    pdf = as_pdf(words)
    assert pdf.startswith(b"%PDF-")
    assert as_pdf(words) == pdf
    page = explained(words, pdf)
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert page.count("application/pdf;base64,") == 1
    assert 'method="post"' in asking("de")
    assert languages()["de"]["gone"] in gone("de")

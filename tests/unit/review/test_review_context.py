from __future__ import annotations

import copy
import dataclasses
import json
from typing import Any

import pytest

from countersign_review.api.models.desk import ContextPackage
from countersign_review.domain.attention import words_shown
from countersign_review.domain.blind import is_withheld
from countersign_review.domain.context import Handed, View, context_package, plain_confidence
from countersign_review.domain.review import Kind
from countersign_review.domain.saying import Saying
from countersign_shared.contracts.decision_types import load_decision_types
from countersign_shared.contracts.topics import contracts_dir

EXAMPLES = sorted((contracts_dir() / "examples" / "case.routed").glob("*.json"))
TYPES = load_decision_types(None)


def read(name: str) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(
        (contracts_dir() / "examples" / "case.routed" / f"{name}.json").read_text(encoding="utf-8")
    )
    return body


def view(routed: dict[str, Any], kind: Kind = Kind.DECISION, **more: Any) -> View:
    known = TYPES.get(routed["decision_type"])
    protected = known.protected_fields if known else frozenset()
    facts = [fact for fact in routed["handling"]["key_facts"] if fact["field"] not in protected]
    return View(
        routed=routed,
        withheld=is_withheld(kind, routed["handling"]),
        type_label="Loan",
        headline="Decide: $310,000",
        facts=facts,
        protected=protected,
        saying=Saying.of(routed, known.terms) if known else Saying.of(routed),
        **{"salt": "0" * 32, **more},
    )


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
@pytest.mark.parametrize("kind", list(Kind))
def test_review_every_example_makes_a_whole_package(path: Any, kind: Kind) -> None:
    package = context_package(view(json.loads(path.read_text(encoding="utf-8")), kind))
    ContextPackage.model_validate(package)
    parts = {"decision_required", "recommendation", "key_facts", "flags", "history", "policy_reference", "actions"}
    assert parts <= package.keys()


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
@pytest.mark.parametrize(
    ("kind", "withhold"), [(Kind.AUDIT, "never"), (Kind.DECISION, "blind"), (Kind.DECISION, "always")]
)
def test_review_a_withheld_package_holds_nothing_of_the_proposal(path: Any, kind: Kind, withhold: str) -> None:
    routed = json.loads(path.read_text(encoding="utf-8"))
    routed["handling"]["withhold"] = withhold
    package = context_package(view(routed, kind))
    assert (package["withheld"], package["recommendation"], package["no_recommendation"], package["matrix"]) == (
        True, None, None, None,
    )  # fmt: skip
    text = json.dumps(package)
    proposal = routed["proposal"]
    if proposal:
        told = [repr(proposal["confidence"]), proposal["explanation"]["summary"]]
        told += [factor["text"] for factor in proposal["explanation"]["factors"] if factor.get("text")]
        told += [other["why_lower"] for other in proposal["alternatives"] if other.get("why_lower")]
        labels = {fact["label"] for fact in package["key_facts"]}
        assert [item for item in told if item in text and item not in labels] == []
    # Changing everything the AI and the draw said changes nothing that is shown.
    other = copy.deepcopy(routed)
    other |= {"proposal": None, "abstained": {"reason": "no_model"}, "level": 5, "band": "low", "would_automate": True}
    other["sampling"]["audit"]["selected"] = not routed["sampling"]["audit"]["selected"]
    assert context_package(view(other, kind)) == package


def test_review_what_a_rule_or_a_model_made_of_a_fact_is_in_no_withheld_part() -> None:
    routed = read("loan_application.level4")
    routed["reasons"] = [
        {"code": "exception", "text": "SAFE", "rule_id": "own", "values_read": {"case.loan_amount": "310000.00"}},
        {"code": "exception", "text": "TELLS", "rule_id": "unsure", "values_read": {"confidence": 0.743}},
        {"code": "matrix", "text": "MATRIX", "rule_id": None, "values_read": {}},
    ]
    text = routed["handling"]["key_facts"][0]["formatted"]
    routed["entities"] = [{"type": "sum", "text": text, "start": 0, "end": len(text), "field": "loan_amount"}]
    flags = ["limit", "new", None]
    facts = [{**fact, "flag": flag} for fact, flag in zip(routed["handling"]["key_facts"], flags, strict=False)]
    told, withheld = (
        context_package(dataclasses.replace(view(routed), facts=facts, withheld=kept)) for kept in (False, True)
    )
    assert [flag["text"] for flag in told["flags"]] == ["SAFE", "TELLS", "MATRIX"]
    assert [flag["text"] for flag in withheld["flags"]] == ["SAFE"]
    assert [rule["text"] for rule in told["policy_reference"]["rules"]] == ["SAFE", "TELLS"]
    assert [rule["text"] for rule in withheld["policy_reference"]["rules"]] == ["SAFE"]
    assert [fact["flag"] for fact in told["key_facts"]] == flags
    assert [fact["flag"] for fact in withheld["key_facts"]] == [None, "new", None]
    assert [len(fact["spans"]) for fact in told["key_facts"]] == [1, 0, 0]
    assert [len(fact["spans"]) for fact in withheld["key_facts"]] == [0, 0, 0]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_review_words_of_every_package_can_be_counted(path: Any) -> None:
    routed = json.loads(path.read_text(encoding="utf-8"))
    shown, withheld = (
        words_shown(json.dumps(context_package(view(routed, kind))).encode()) for kind in (Kind.DECISION, Kind.AUDIT)
    )
    assert 2 <= withheld <= shown
    # Another rule's text in the policy, or another case beside it, is nothing that must be read again.
    more = context_package(view(routed, history=[{"headline": "an earlier case " * 50}]))
    assert words_shown(json.dumps(more).encode()) == shown


def test_review_only_what_is_new_with_each_case_is_counted() -> None:
    package: dict[str, Any] = {
        "decision_required": {"headline": "one two"}, "key_facts": [{"formatted": "three"}, {"formatted": None}],
        "flags": [{"text": "four five"}], "recommendation": None, "no_recommendation": "six seven",
    }  # fmt: skip
    assert words_shown(json.dumps(package).encode()) == 7
    package |= {"recommendation": {"summary": "six", "second_choice": {"why_lower": "7 8"}}, "no_recommendation": None}
    assert words_shown(json.dumps(package).encode()) == 8
    package["recommendation"] = {"summary": None, "second_choice": None}
    assert words_shown(json.dumps(package).encode()) == 5


def test_review_protected_fields_are_in_no_part() -> None:
    routed = read("loan_application.level4")
    protected = TYPES["loan_application"].protected_fields
    routed["proposal"]["explanation"]["factors"] += [
        {"field": name, "value": "SECRET", "effect": 9.0, "direction": "for", "text": "SECRET"} for name in protected
    ]
    for name in protected:
        routed["case"]["payload"][name] = "SECRET"
    package = context_package(view(routed))
    assert "SECRET" not in json.dumps(package)
    assert protected.isdisjoint(fact["field"] for fact in package["key_facts"])


def test_review_what_the_ai_says_is_shown_with_its_doubts() -> None:
    package = context_package(view(read("loan_application.level4")))
    recommendation = package["recommendation"]
    assert (recommendation["label"], recommendation["band"]) == ("Decline", "medium")
    assert recommendation["second_choice"]["why_lower"].startswith("The credit history")
    assert "about 74 are right and 26 are wrong" in recommendation["plain_words"]
    assert recommendation["thresholds"] == {"high": 0.95, "medium": 0.7, "adjustments": ["new-customer"]}
    effects = [abs(factor["effect"]) for factor in recommendation["factors"]]
    assert effects == sorted(effects, reverse=True)
    assert recommendation["factors"][1]["formatted"] == "44.9 %"
    labels = {fact["field"]: fact["label"] for fact in package["key_facts"]}
    assert [factor["label"] for factor in recommendation["factors"]] == [
        labels.get(factor["field"], factor["field"]) for factor in recommendation["factors"]
    ]


def test_review_no_proposal_is_said_plainly() -> None:
    package = context_package(view(read("refund.abstained")))
    assert package["recommendation"] is None
    assert package["no_recommendation"]


def test_review_the_headline_is_neutral_and_the_kind_is_always_a_decision() -> None:
    routed = read("loan_application.level2")
    asked = context_package(view(routed, Kind.AUDIT))["decision_required"]
    assert asked["kind"] == "decision"
    assert asked["headline"].startswith("Decide: ")


def test_review_the_matrix_shows_the_cell_and_its_table_when_told() -> None:
    routed = read("loan_application.level4")
    assert context_package(view(routed))["matrix"]["levels"] is None
    table = {tier: {"high": 1, "medium": 2, "low": 3} for tier in ("negligible", "low", "medium", "high", "critical")}
    routed["handling"]["matrix"] = table
    matrix = context_package(view(routed))["matrix"]
    assert matrix["levels"] == [[1, 2, 3]] * 5
    assert (matrix["tier"], matrix["band"], matrix["level"]) == ("high", "medium", 4)


@pytest.mark.parametrize(
    ("handed", "withheld", "said"),
    [
        (Handed(escalated=True, by="Ana", reason="too big"), False, "Ana passed it on to the leads: too big"),
        (Handed(escalated=False, by="Ana", reason=None), False, "Ana handed it on to you."),
        # Whoever passes a case on may have seen what its next reader must not know.
        (Handed(escalated=True, by="Ana", reason="the AI is sure"), True, "Ana passed it on to the leads."),
    ],
)
def test_review_who_passed_a_case_on_is_said_with_the_reason_unless_that_could_tell(
    handed: Handed, withheld: bool, said: str
) -> None:
    shown = view(read("refund.abstained"), handed=handed)
    package = context_package(dataclasses.replace(shown, withheld=withheld))
    assert [flag["text"] for flag in package["flags"] if flag["code"] == "handed_on"] == [said]


def test_review_confidence_in_words() -> None:
    assert plain_confidence(0.806, "medium").startswith("Of 100 proposals as sure as this one, about 81 are right")
    assert plain_confidence(1.0, None).endswith("0 are wrong.")

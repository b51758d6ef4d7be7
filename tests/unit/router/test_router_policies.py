"""Policy files: read strictly, checked against the decision type, tested by their own examples."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from countersign_router.domain.controls import Controls
from countersign_router.domain.routing import route
from countersign_router.language.automation import automation_sha256
from countersign_router.language.document import PolicyDocument
from countersign_router.language.examples import check, problems, run_examples
from countersign_router.language.loading import PolicyRefused, load_policy, read_document
from countersign_router.life.files import read_policies
from countersign_shared.errors import ConfigurationError
from tests.architecture.sources import ROOT
from tests.unit.router.cases import (
    NEVER_DRAWN,
    NOW,
    PAYLOAD,
    POLICIES,
    PUBLISHED,
    bent,
    decision_types,
    document,
    loaded,
    narrow,
    scored,
    shipped,
    shipped_bytes,
)

MATRIX = document()["matrix"]


def refusals(**changes: Any) -> list[str]:
    with pytest.raises(PolicyRefused) as refused:
        bent(**changes)
    return [f"{one.path}: {one.message}" for one in refused.value.diagnostics]


@pytest.mark.parametrize("path", sorted(POLICIES.glob("*.yaml")), ids=lambda path: path.stem)
def test_shipped_policies_are_right_and_their_examples_pass(path: Path) -> None:
    assert check(path, decision_types()) == []
    results = run_examples(path, decision_types())
    assert len(results) >= 5
    assert all(result.passed for result in results)


def test_the_shipped_loan_policy_reads_nothing_protected() -> None:
    assert {one.name for one in shipped().policy.inputs}.isdisjoint(
        decision_types()["loan_application"].protected_fields
    )


def test_the_whole_grammar_of_the_design_is_accepted() -> None:
    text = """
decision_type: loan_application
version: 7
inputs:
  amount: {type: money, currency: USD, path: loan_amount, required: true}
  history: {type: string, enum: [no_slow_accounts], path: consumer_credit_record, required: true}
  country: {type: string, path: $.country, required: false}
  customer_since: {type: timestamp, path: $.customer_since, required: false}
owner: retail-credit-risk
outcomes: {approve: {}, decline: {adverse: true}}
consequence:
  factors:
    financial: "case.amount > usd(100000) ? 4 : case.amount > usd(25000) ? 2 : 1"
    customer: 2
    compliance: "3"
    reputation: "1"
    reversibility: "proposal.outcome == 'decline' ? 3 : 1"
  combine: max
  by_outcome: true
bands: {high: 0.90, medium: 0.70}
matrix:
  negligible: {high: 1, medium: 2, low: 2}
  low:        {high: 2, medium: 3, low: 4}
  medium:     {high: 3, medium: 3, low: 4}
  high:       {high: 3, medium: 4, low: 4}
  critical:   {high: 5, medium: 5, low: 5}
adjust:
  - id: new-customer
    when: "!has(case.customer_since) || now - case.customer_since < duration('720h')"
    bands: {high: +0.05}
  - {id: fresh-policy, when: "policy.age < duration('168h')", level_at_least: 3}
  - {id: peak, when: "controls.peak", bands: {high: -0.02}, only_tiers: [negligible]}
exceptions:
  - {id: missing-income, when: "signals.completeness < 1.0", level: 4, queue: intake, reason: missing_data}
  - {id: sanctions, when: "has(case.country) && case.country in ['IR','KP']", level: 5, queue: compliance}
never_automate: "case.history == 'no_slow_accounts'"
automation: {certificate: required, alpha: {negligible: 0.05, low: 0.02}, delta: 0.05}
sampling: {audit: {level1: 0.02, level2: 0.10, floor: 0.01, by: "1.0 - confidence"}, blind: 0.05, human_only: 0.01}
queues: {default: underwriting, by_level: {4: senior_underwriting}}
reviewers: {required: 1, four_eyes_when: "case.amount > usd(100000)", skills: [mortgage], authority: {tier: medium}}
sla: {class: standard, due: 24h, calendar: us-east, at_risk: 0.75, on_at_risk: notify_backup, on_breach: escalate}
must_document: [override, decline]
reasons: {override: [ai_wrong_fact, other], principal: [dti_too_high, history_adverse, income_unverified]}
withhold: {level3: blind_sample, level5: always}
policy_section: {title: "4.2 Debt ratio", text: "Above 38 % approve only with two compensating factors."}
disclosure: "A computer program proposed this outcome; a person decided."
execute: {method: POST, url: "https://los.example/applications/{case_id}/decision", body: {outcome: "{outcome}"}}
examples:
  - {case: {loan_amount: "5000"}, proposal: {outcome: approve, confidence: 0.97}, expect: {level: 4}}
"""
    loaded = load_policy(text.encode(), name="design", decision_types=decision_types(), published_at=PUBLISHED)
    assert len(loaded.policy.expressions) == 13


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"decision_type": "loan"}, "decision_type: 'loan' is not known; known: content_moderation, loan_"),
        ({"outcomes": {"approve": {}, "reject": {}}}, "outcomes.reject: loan_application has no such outcome"),
        ({"outcomes": {"decline": {"adverse": False}}}, "outcomes.decline.adverse: the decision type says"),
        ({"outcomes": {"decline": {"automatic": True}}, "reasons": None}, "an adverse outcome can only be automatic"),
        ({"inputs": {"race": {"type": "string"}}}, "inputs.race: race is protected"),
        ({"inputs": {"x": {"type": "string", "path": "race"}}}, "inputs.x: race is protected"),
        ({"inputs": {"x": {"type": "string"}}}, "inputs.x: 'x' is no field of the payload"),
        ({"inputs": {"loan_amount": {"type": "money", "currency": "EUR"}}}, "the decision type has loan_amount in USD"),
        ({"matrix": {**MATRIX, "high": {"high": 1, "medium": 4, "low": 4}}}, "high.high: level 1 is lower than the 2"),
        ({"matrix": {**MATRIX, "low": {"high": 3, "medium": 2, "low": 4}}}, "low.medium: level 2 is lower than the 3"),
        ({"must_document": ["sometimes"]}, "must_document[0]: 'sometimes' is neither"),
        ({"exceptions": [{"id": "a", "when": "true", "level": 3}] * 2}, "exceptions[0].id: 'a' is used 2 times"),
        ({"exceptions": [{"id": "a", "when": "case.incme > 1", "level": 3}]}, "exceptions[0].when: undeclared"),
        ({"never_automate": "case.loan_amount"}, "never_automate: must give true or false"),
        ({"examples": [{"like": "x", "expect": {"level": 1}}]}, "examples[0].like: no earlier example is called 'x'"),
        ({"automation": {"tiers": ["critical"]}}, "the matrix automates nothing of critical consequence"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_by_path_and_reason(change: dict[str, Any], words: str) -> None:
    assert any(words in one for one in refusals(**change))


def test_everything_wrong_is_said_at_once() -> None:
    found = refusals(never_automate="case.nothing", must_document=["x"], outcomes={"approve": {}, "reject": {}})
    assert len(found) >= 3


def test_a_factor_that_reads_the_outcome_must_say_so() -> None:
    consequence = {**document()["consequence"], "by_outcome": False}
    assert any("by_outcome: true" in one for one in refusals(consequence=consequence))


def test_a_matrix_that_is_not_monotone_needs_a_reason() -> None:
    odd = {**MATRIX, "high": {"high": 1, "medium": 4, "low": 4}}
    assert bent(matrix=odd, allow_non_monotone="Large loans are checked upstream.").policy.matrix["high"]["high"] == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("decision_type: [", "a value is missing here"),
        ("a: 1\na: 2", "'a' appears twice"),
        ("version: 1", "owner: is missing"),
        ("surprise: 1", "surprise: there is no such key"),
        ("bands: {high: 0.7, medium: 0.9}", "bands: `medium` must be below `high`"),
        ("bands: {high: '0.9'}", "bands.high: must be a number"),
        ("inputs: {x: {type: money}}", "inputs.x: `currency` belongs to money"),
        ("inputs: {x: {type: string, enum: [NO, no]}}", "inputs.x.enum[1]"),
        (
            "exceptions: [{id: a, when: 'true', level: 9}]",
            "exceptions[0].level: must be at most 5",
        ),
        ("withhold: {level5: never}", "withhold.level5"),
        ("sla: {due: 24}", "sla.due"),
        ("- a", "must be a section"),
    ],
)
def test_a_document_of_another_shape_is_refused_by_path(text: str, words: str) -> None:
    with pytest.raises(PolicyRefused) as refused:
        read_document(text.encode(), name="p.yaml")
    assert any(words in f"{one.path}: {one.message} line {one.line}" for one in refused.value.diagnostics)
    assert all(one.line for one in refused.value.diagnostics)
    assert str(refused.value).startswith("p.yaml: ")


def test_only_what_decides_about_automation_voids_certificates() -> None:
    before = shipped().policy.automation_sha256
    texts = {"sla": {"class": "urgent"}, "disclosure": "Other words.", "queues": {"default": "loans"}, "owner": "x"}
    assert bent(**texts).policy.automation_sha256 == before
    for part, value in (
        ("bands", {"high": 0.91}),
        ("never_automate", "false"),
        ("exceptions", []),
        ("signal_caps", {"similarity": None}),
        ("adjust", []),
    ):
        assert bent(**{part: value}).policy.automation_sha256 != before


def test_no_release_changes_what_certificates_are_bound_to() -> None:
    """The hash of a document that does not change is for ever: a new field of the grammar must not enter it unset."""
    data = (ROOT / "tests" / "bench" / "policies" / "loan_application.yaml").read_bytes()
    known = "f7524c5f6b045b373cebb4613b0b93a6f2b3229fc62ac40059c4c9f38e4f9fc4"
    assert automation_sha256(read_document(data, name="bench")) == known
    limited = data.replace(b"ltv: {type: number", b"name: {type: string, max_length: 5, path: x}\n  ltv: {type: number")
    assert automation_sha256(read_document(limited, name="bench")) != known


def test_a_text_voids_no_certificate() -> None:
    read, plain = document(), document()
    for rule in (*plain["adjust"], *plain["exceptions"]):
        assert rule.pop("text")
    plain["never_automate"] = plain["never_automate"]["when"]
    told = automation_sha256(PolicyDocument.model_validate(read))
    assert told == automation_sha256(PolicyDocument.model_validate(plain))
    read["never_automate"]["when"] = "false"
    assert automation_sha256(PolicyDocument.model_validate(read)) != told


@pytest.mark.parametrize("name", ["loan_application", "refund"])
def test_every_rule_that_is_shipped_has_a_text(name: str) -> None:
    policy = document(name)
    rules = [*policy.get("adjust", ()), *policy["exceptions"], policy["never_automate"]]
    assert all(rule["text"] for rule in rules)


@pytest.mark.parametrize("text", ["", "two\nlines", "x" * 501, 5])
def test_a_text_is_one_line(text: Any) -> None:
    read = document()
    read["never_automate"]["text"] = read["exceptions"][0]["text"] = text
    with pytest.raises(PolicyRefused) as refused:
        read_document(yaml.safe_dump(read).encode(), name="p.yaml")
    assert [one.path for one in refused.value.diagnostics] == ["exceptions[0].text", "never_automate.text"]


def test_the_order_of_keys_does_not_count() -> None:
    read = document()
    turned = PolicyDocument.model_validate(dict(reversed(list(read.items()))))
    assert automation_sha256(turned) == automation_sha256(PolicyDocument.model_validate(read))


def test_a_failing_example_is_a_diagnostic_and_stops_the_start(tmp_path: Path) -> None:
    wrong = {**document(), "examples": [{"name": "wrong", "case": {}, "expect": {"level": 1, "reason": "luck"}}]}
    path = tmp_path / "loan.yaml"
    path.write_text(yaml.safe_dump(wrong), encoding="utf-8")
    found = [str(one) for one in check(path, decision_types())]
    assert found[0].startswith("examples[0].expect.level (line ")
    assert found[0].endswith("wrong: expected level 1, got 4")
    assert "expected the reason luck" in found[1]
    with pytest.raises(ConfigurationError, match="example 'wrong': expected level 1, got 4"):
        read_policies(tmp_path, decision_types(), PUBLISHED)


@pytest.mark.parametrize(
    ("part", "value"),
    [("now", now) for now in ("soon", "2026-01-01T00:00:00", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z")]
    + [("body", {"deadline_at": at}) for at in ("soon", 5, "2026-01-01T00:00:00", "0001-01-01T00:00:00+14:00")],
)
def test_an_example_at_a_time_that_is_none_is_a_diagnostic_too(tmp_path: Path, part: str, value: object) -> None:
    path = tmp_path / "loan.yaml"
    path.write_text(
        yaml.safe_dump({**document(), "examples": [{part: value, "expect": {"level": 4}}]}), encoding="utf-8"
    )
    (found,) = [str(one) for one in check(path, decision_types())]
    assert found.startswith(f"examples[0].{part} (line ")
    assert "must be a time with its zone" in found


def test_two_files_for_one_decision_type_are_refused(tmp_path: Path) -> None:
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text(yaml.safe_dump(document()), encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"a.yaml is a policy for default/loan_application already"):
        read_policies(tmp_path, decision_types(), PUBLISHED)


def test_a_directory_without_policies_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="POLICIES_DIR"):
        read_policies(tmp_path, decision_types(), PUBLISHED)


def test_a_file_that_is_not_there_is_a_diagnostic(tmp_path: Path) -> None:
    assert "cannot be read" in str(check(tmp_path / "none.yaml", decision_types())[0])


def test_the_schema_for_editors_knows_every_part() -> None:
    schema = PolicyDocument.model_json_schema()
    assert {"inputs", "consequence", "matrix", "sampling", "sla", "examples"} <= set(schema["properties"])
    assert schema["additionalProperties"] is False
    floor = schema["properties"]["never_automate"]["anyOf"]
    assert [one.get("type") or one["$ref"] for one in floor] == [
        ["string", "integer", "boolean"], "#/$defs/FloorSection", "null",
    ]  # fmt: skip
    assert all("text" in schema["$defs"][name]["properties"] for name in ("FloorSection", "AdjustSection"))


@pytest.mark.parametrize("name", ["loan_application", "refund", "content_moderation"])
def test_a_queue_that_nobody_listed_is_an_error_in_every_shipped_decision_type(name: str) -> None:
    text = shipped_bytes(name).decode()
    slip = re.sub(r"(?m)^(queues: \{default: )(\w+)", r"\1\2s_", text)
    lines = slip.splitlines()
    found = [one for one in problems(slip.encode(), decision_types()) if one.path == "queues.default"]
    assert [(one.severity, "is not among the queues" in one.message) for one in found] == [("error", True)]
    assert lines[found[0].line - 1].startswith("queues: {default: ")
    assert found[0].hint is not None
    assert found[0].hint.startswith("did you mean ")


def test_what_was_published_before_a_list_was_made_routes_on_with_a_doubt() -> None:
    types = narrow(queues=frozenset({"loans", "underwriting"}))
    data = shipped_bytes()
    with pytest.raises(PolicyRefused, match="senior_underwriting' is not among the queues of the decision"):
        load_policy(data, name="new", decision_types=types, published_at=PUBLISHED)
    standing = load_policy(data, name="old", decision_types=types, published_at=PUBLISHED, published=True)
    assert [one.path for one in standing.doubts] == ["queues.by_level.5", "exceptions[0].queue"]
    assert "senior_underwriting" in data.decode().splitlines()[standing.doubts[0].line - 1]
    said = problems(data, types, published=True)
    assert [(one.path, one.severity, one.line) for one in said][-2:] == [
        (one.path, "warning", one.line) for one in standing.doubts
    ]
    # Everything else that a decision type may have come to say still refuses: a rule must not read what is protected.
    protected = narrow(protected_fields=frozenset({"loan_amount"}))
    with pytest.raises(PolicyRefused, match="loan_amount is protected"):
        load_policy(data, name="old", decision_types=protected, published_at=PUBLISHED, published=True)


def test_what_is_probably_not_meant_is_a_warning_and_no_refusal() -> None:
    read = document()
    read["inputs"]["units"] = {"type": "integer"}
    read["exceptions"][0]["when"] = "true"
    read["automation"] = {"certificate": "required", "alpha": {"negligible": 0.05, "low": 0.05}}
    found = problems(yaml.safe_dump(read).encode(), decision_types())
    assert {one.severity for one in found} == {"warning"}
    assert {one.path for one in found} >= {"inputs.units", "exceptions[1]", "automation", ""}


def test_the_amount_of_a_case_is_an_input_where_the_payload_has_none() -> None:
    amount = {"type": "money", "currency": "USD", "path": "amount"}
    read = {**document(), "inputs": {**document()["inputs"], "amount": amount}}
    read["exceptions"] = [{"id": "large", "when": "case.amount > usd(5000)", "level": 5}]
    routed = scored(amount={"value": "5000.01", "currency": "USD"})
    assert route(routed, loaded(read).policy, Controls(), NOW, NEVER_DRAWN).level == 5
    other = scored(amount={"value": "4000", "currency": "EUR"})
    assert route(other, loaded(read).policy, Controls(), NOW, NEVER_DRAWN).level == 4
    assert route(scored(), loaded(read).policy, Controls(), NOW, NEVER_DRAWN).level == 4
    read["examples"] = [{"case": {**PAYLOAD, "amount": {"value": "5001", "currency": "USD"}}, "expect": {"level": 5}}]
    assert not [one for one in problems(yaml.safe_dump(read).encode(), decision_types()) if one.severity == "error"]

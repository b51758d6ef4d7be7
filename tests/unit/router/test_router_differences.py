"""Two versions of a policy in words: nothing that changes goes unsaid, and nothing else is said."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from countersign_router.language.automation import AUTOMATION_PARTS
from countersign_router.language.document import PolicyDocument
from countersign_router.showing.differences import Differences, differences
from tests.unit.router.cases import document


def between(**changes: Any) -> Differences:
    """The differences of a bent loan policy to the shipped one."""
    new = {**document(), "version": 2, **changes}
    return differences(PolicyDocument.model_validate(document()), PolicyDocument.model_validate(new))


def said(found: Differences) -> list[str]:
    return [one.text for one in found.differences]


def test_the_same_policy_with_another_number_has_no_differences() -> None:
    found = between()
    assert (found.before, found.after, found.differences, found.voids_certificates) == (1, 2, (), False)
    assert found.because == "Voids certificates: no, nothing that decides about automation changes."


def test_bands_and_a_new_exception_in_words() -> None:
    sanctions = {"id": "sanctions", "when": "case.loan_to_value > 99.0", "level": 5, "queue": "compliance"}
    found = between(bands={"high": 0.92, "medium": 0.7}, exceptions=[*document()["exceptions"], sanctions])
    assert said(found) == [
        "Band high rises from 0.90 to 0.92.",
        "Exception 'sanctions' is new: when `case.loan_to_value > 99.0`, level 5, queue compliance.",
    ]
    assert [one.effect for one in found.differences] == ["stricter", None]
    assert (
        found.because
        == "Voids certificates: yes, because bands, exceptions are part of what certificates are bound to."
    )


CASES: dict[str, tuple[dict[str, Any], str, str | None]] = {
    "a list within what is new": (
        {"inputs": {**document()["inputs"], "channel": {"type": "string", "enum": ["mail", "in person"]}}},
        "inputs.channel is set to (type string, required yes, enum [mail, “in person”]).", None,
    ),
    "a limit that two digits cannot write": (
        {"bands": {"high": 0.895, "medium": 0.7}}, "Band high falls from 0.90 to 0.895.", "looser"
    ),
    "the floor's rule": (
        {"never_automate": "case.bankruptcy_on_record"},
        ("The floor changes: never automatic when `case.bankruptcy_on_record`; it was `case.bankruptcy_on_record || "
        "!case.credit_meets_guidelines || case.consumer_credit_record in ['delinquent_60_days', "
        "'delinquent_90_days']`."),
        None,
    ),
    "certificates": (
        {"automation": {**document()["automation"], "certificate": "required"}},
        "Automation now needs a certificate.", "stricter",
    ),
    "tiers": (
        {"automation": {**document()["automation"], "tiers": ["negligible", "low"]}},
        "Cases of medium consequence may no longer be automated.", "stricter",
    ),
    "a deadline": ({"sla": {**document()["sla"], "due": "12h"}}, "sla.due goes from 24h to 12h.", None),
    "a sample": ({"sampling": {**document()["sampling"], "blind": 0.2}}, "sampling.blind goes from 0.1 to 0.2.", None),
    "a list": ({"must_document": ["override"]}, "must_document loses decline.", None),
    "an owner": ({"owner": "somebody else"}, "owner goes from mortgage-lending to “somebody else”.", None),
    "no execution": (
        {"execute": None},
        ("execute is no longer set; it was (method POST, url https://los.example/applications/{case_id}/decision, body "
        "(outcome {outcome}, terms {outcome_params}))."),
        None,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_each_change_is_one_sentence(name: str) -> None:
    changes, sentence, effect = CASES[name]
    found = between(**changes)
    texts = [one for one in found.differences if not one.path.endswith(".text")]
    assert [(one.text, one.effect) for one in texts] == [(sentence, effect)]


def test_words_alone_are_not_named_as_what_voids_certificates() -> None:
    exceptions = copy.deepcopy(document()["exceptions"])
    exceptions[0]["text"] = "Something in it could not be verified."
    found = between(exceptions=exceptions)
    assert (len(found.differences), found.voids_certificates) == (1, False)
    found = between(exceptions=exceptions, bands={"high": 0.95, "medium": 0.7})
    assert found.because == "Voids certificates: yes, because bands are part of what certificates are bound to."


@pytest.mark.parametrize(
    ("asked", "because"),
    [
        ({"alpha": {"low": 0.01}}, "at most 0.01 wrong of low consequence (0.05 before)"),
        ({"alpha": {"low": 0.05, "medium": 0.2}}, "at most 0.2 wrong of medium consequence (nothing before)"),
        ({"delta": 0.01}, "a chance to err of at most 0.01 (0.05 before)"),
    ],
)
def test_a_stricter_promise_voids_the_certificates_that_promise_less(asked: dict[str, Any], because: str) -> None:
    terms = {"certificate": "required", "alpha": {"low": 0.05}, "delta": 0.05}
    before = PolicyDocument.model_validate({**document(), "automation": terms})
    after = PolicyDocument.model_validate({**document(), "version": 2, "automation": {**terms, **asked}})
    found = differences(before, after)
    assert found.because == f"Voids certificates: yes, those that promise less than is asked for now: {because}."
    assert found.voids_certificates
    assert not differences(after, before).voids_certificates
    spared = {**document(), "automation": {**terms, **asked, "certificate": "not_required"}}
    assert not differences(before, PolicyDocument.model_validate(spared)).voids_certificates


def test_what_the_decision_type_says_already_is_no_difference() -> None:
    silent = {**document(), "outcomes": {"approve": {}, "decline": {"automatic": False}}}
    before, after = PolicyDocument.model_validate(silent), PolicyDocument.model_validate(document())
    for one, other in ((before, after), (after, before)):
        found = differences(one, other, {"decline"})
        assert (found.differences, found.voids_certificates) == ((), False)
    assert said(differences(before, after)) == ["outcomes.decline.adverse is set to yes."]
    automatic = PolicyDocument.model_validate({**silent, "outcomes": {"approve": {}, "decline": {"automatic": True}}})
    assert said(differences(after, automatic, {"decline"})) == ["outcomes.decline.automatic goes from no to yes."]


def test_a_cell_of_the_matrix_is_named_with_both_levels() -> None:
    matrix = copy.deepcopy(document()["matrix"])
    matrix["low"]["medium"] = 2
    found = between(matrix=matrix)
    assert said(found) == [
        (
            "Low consequence at medium confidence goes from level 3 (automation with review) to level 2 "
            "(automation with audit)."
        )
    ]
    assert (found.differences[0].path, found.differences[0].effect) == ("matrix.low.medium", "looser")


def test_rules_are_told_by_their_ids() -> None:
    exceptions = copy.deepcopy(document()["exceptions"])
    exceptions[0]["level"] = 5
    exceptions[1], exceptions[2] = exceptions[2], exceptions[1]
    del exceptions[3]
    fresh = {"id": "fresh", "when": "policy.age < duration('24h')", "level_at_least": 3}
    found = between(exceptions=exceptions, adjust=[fresh, *document()["adjust"][1:]])
    assert said(found) == [
        (
            "Adjustment 'not-owner-occupied' is gone: it was when `has(case.owner_occupied) && !case.owner_occupied`, "
            "high +0.05."
        ),
        "Adjustment 'fresh' is new: when `policy.age < duration('24h')`, level 3 at least.",
        (
            "Exception 'late-on-a-mortgage' is gone: it was when `has(case.late_mortgage_payments) && "
            "case.late_mortgage_payments != 'none'`, level 3, reason credit_history."
        ),
        "Exception 'unverified' asks for level 5 instead of 4.",
        "The exceptions are tried in another order: unverified, thin-equity, heavy-obligations.",
    ]


@pytest.mark.parametrize("part", sorted(set(document()) - {"version", "decision_type"}))
def test_whatever_part_changes_something_is_said(part: str) -> None:
    changed: dict[str, Any] = {
        "owner": "x", "inputs": {**document()["inputs"], "units": {"type": "integer"}},
        "outcomes": {**document()["outcomes"], "decline": {"adverse": True}},
        "consequence": {**document()["consequence"], "by_outcome": False}, "bands": {"high": 0.91, "medium": 0.7},
        "matrix": {**document()["matrix"], "critical": {"high": 4, "medium": 5, "low": 5}},
        "signal_caps": {"similarity": {"below": 0.1, "band": "low"}}, "adjust": [], "exceptions": [],
        "never_automate": None, "automation": {"certificate": "required"}, "sampling": {},
        "queues": {"default": "loans"},
        "reviewers": {"required": 2}, "sla": {"class": "urgent"}, "must_document": [], "reasons": {},
        "withhold": {}, "policy_section": None, "disclosure": "Something.", "execute": None, "grace_seconds": 9,
    }  # fmt: skip
    found = between(**{part: changed[part]})
    assert found.differences
    assert found.voids_certificates == (part in AUTOMATION_PARTS)
    assert all(one.path.startswith(part) for one in found.differences)

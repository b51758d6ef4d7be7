"""Plain words for every kind of entry, with the payload and without it."""

from __future__ import annotations

import orjson
import pytest

from countersign_audit.domain.words import plain_words
from tests.unit.audit.records import all_examples, example, leaves, one_case, record

EXAMPLES = dict(all_examples())


@pytest.mark.parametrize("path", EXAMPLES)
def test_every_kind_of_event_can_be_said_in_words(path: str) -> None:
    (made,) = leaves(record(path.split("/", maxsplit=1)[0], EXAMPLES[path], event_id="e"))
    leaf = orjson.loads(made)
    for body in (EXAMPLES[path], None):
        words = plain_words(leaf, body)
        assert words[0].isalpha()
        assert "None" not in words


def test_an_automatic_case_reads_as_a_story() -> None:
    told = [
        plain_words(orjson.loads(leaf), orjson.loads(one.value or b""))
        for leaf, one in zip(leaves(*one_case()), one_case(), strict=True)
    ]
    assert told[0] == "The case came in and needs a decision."
    assert told[1] == "The AI proposed 'approve', 96.4 % confident."
    assert told[2].startswith("Routed to level 2, automation with audit (consequence low, confidence high): ")
    assert told[2].endswith(".")
    assert ".;" not in told[2]
    assert told[3] == "Decided 'approve' automatically, as the AI proposed."


def test_a_persons_decision_says_who_and_in_which_role() -> None:
    body = example("decision.made/loan_application.overrode.json")
    (made,) = leaves(record("decision.made", body, event_id="e"))
    decider = body["deciders"][-1]
    expected = f"by {decider['pseudonym']} ({decider['role']}), against the AI's proposal"
    assert expected in plain_words(orjson.loads(made), body)


def test_an_erasure_says_who_asked_and_which_service_did() -> None:
    said = {}
    for kind in ("erasure.requested", "erasure.completed"):
        body = EXAMPLES[f"activity.recorded/{kind}.json"]
        (made,) = leaves(record("activity.recorded", body, event_id="e"))
        said[kind] = plain_words(orjson.loads(made), None)
    assert said["erasure.requested"].endswith(") asked for the personal data to be erased.")
    assert said["erasure.completed"] == "The personal data was erased by review."


def test_an_erased_payload_leaves_what_the_leaf_shows() -> None:
    told = [plain_words(orjson.loads(leaf), None) for leaf in leaves(*one_case())]
    assert told[1] == "The AI made a proposal, 96.4 % confident."
    assert told[3] == "Decided automatically, as the AI proposed."


@pytest.mark.parametrize(
    ("millionths", "told"),
    [
        (0, "0 %"), (20, "under 0.01 %"), (963_900, "96.4 %"), (999_499, "99.9 %"), (999_500, "over 99.9 %"),
        (999_999, "over 99.9 %"), (1_000_000, "100 %"),
    ],
)  # fmt: skip
def test_no_confidence_is_told_as_a_certainty_that_it_is_not(millionths: int, told: str) -> None:
    leaf = {"kind": "case.scored", "confidence_ppm": millionths}
    assert plain_words(leaf, None) == f"The AI made a proposal, {told} confident."


def test_an_abstention_says_why_in_words_as_far_as_it_can_be_read() -> None:
    body = example("case.scored/refund.no_model.json")
    (made,) = leaves(record("case.scored", body, event_id="e"))
    leaf = orjson.loads(made)
    assert plain_words(leaf, body) == f"The AI made no proposal: {body['abstained']['detail'].removesuffix('.')}."
    assert plain_words(leaf, None) == "The AI made no proposal: no model."


def test_a_conflict_is_said_first() -> None:
    assert plain_words({"kind": "case.created", "conflict_with": 7}, None).startswith(
        "ALARM: repeats the id of entry 7"
    )

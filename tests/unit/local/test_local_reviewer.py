"""What the scripted reviewer answers."""

from __future__ import annotations

from random import Random

from countersign_local.demo.reviewer import answer_to, choose

DIGEST = "0" * 64


def _claim(*, shown="approve", digests=("approve", "decline")):
    terms = {"properties": {"term_months": {}, "rate": {}, "fee": {}}}
    outcomes = [
        {"outcome": "approve", "adverse": False, "params_schema": terms},
        {"outcome": "decline", "adverse": True}, {"outcome": "partial", "adverse": False},
    ]  # fmt: skip
    return {
        "payload_sha256": DIGEST, "shown_sha256_all": ["1" * 64],
        "execute_sha256_by_outcome": dict.fromkeys(digests, DIGEST),
        "context": {
            "key_facts": [{"field": "term_months", "value": 360}, {"field": "rate", "value": None}],
            "recommendation": None if shown is None else {"outcome": shown, "outcome_params": {}},
            "actions": {
                "outcomes": outcomes, "reason_codes": [{"code": "other"}, {"code": "new_pattern"}],
                "principal_reason_codes": [{"code": "credit_history"}],
            },
        },
    }  # fmt: skip


def _answers(claim, count=200):
    return [_answer(claim, Random(seed)) for seed in range(count)]


def _answer(claim, chance):
    return answer_to(claim, choose(claim, chance), DIGEST, chance)


def test_it_mostly_agrees_and_sometimes_overrides():
    agreed = sum(answer["outcome"] == "approve" for answer in _answers(_claim()))
    assert 150 < agreed < 200


def test_an_adverse_answer_gives_its_principal_reasons():
    for answer in _answers(_claim(shown=None)):
        assert answer["principal_reasons"] == (["credit_history"] if answer["outcome"] == "decline" else [])


def test_it_never_chooses_what_needs_terms():
    assert {answer["outcome"] for answer in _answers(_claim(shown=None))} == {"approve", "decline"}


def test_without_a_proposal_it_takes_the_terms_that_the_case_asks_for():
    terms = {answer["outcome"]: answer["outcome_params"] for answer in _answers(_claim(shown=None))}
    assert terms == {"approve": {"term_months": 360}, "decline": {}}


def test_the_same_seed_answers_the_same():
    assert _answers(_claim()) == _answers(_claim())


def test_an_answer_is_bound_to_what_was_shown():
    assert _answer(_claim(), Random(1))["binding"] == {
        "payload_sha256": DIGEST, "shown_sha256": ["1" * 64], "execute_sha256": DIGEST,
    }  # fmt: skip

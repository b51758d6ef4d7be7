"""A model that nobody can see inside, trained by the command: explained by exchanging fields, within its budget."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import yaml

from countersign_inference.domain.explanations import MOST_FACTORS, NOT_EXPLAINED
from countersign_inference.domain.scoring import Question
from countersign_inference.manifest import TabularOnnx, read_manifest
from countersign_inference.registry import load_scorers, onnx_scorer
from countersign_inference.training.train import train
from countersign_shared.contracts.events.scored import Proposal
from countersign_shared.errors import ConfigurationError
from tests.unit.inference.loans import LOAN, decision_types, loans

PROTECTED = ("race", "sex", "marital_status", "older_than_median", "dependants")


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    out = tmp_path_factory.mktemp("boosted")
    train(LOAN, out, lambda _text, _share: None, learner="boosting")
    return out


def scorer_of(models, *, now=lambda: 0.0, **explained):
    """Load it with another budget; time stands still unless a clock is given, however busy the machine is."""
    manifest = read_manifest(models / f"{LOAN}.yaml")
    assert isinstance(manifest, TabularOnnx)
    changed = manifest.model_copy(update={"explained": manifest.explained.model_copy(update=explained)})
    labels = {code: outcome.label for code, outcome in decision_types()[LOAN].outcomes.items()}
    return onnx_scorer(changed, models / LOAN, labels=labels, now=now)


def asked(scorer, count: int) -> list[Question]:
    whole = [one.payload for one in loans() if {"liquid_assets", "credit_meets_guidelines"} <= one.payload.keys()]
    return [Question({name: one[name] for name in scorer.reads if name in one}) for one in whole[:count]]


def log_odds(probability: float) -> float:
    return math.log(probability / (1 - probability))


@pytest.fixture(scope="module")
def answers(models):
    scorer = scorer_of(models)
    return scorer.score(asked(scorer, 120))


@pytest.fixture(scope="module")
def told(answers):
    """Nearly all: trees are not grown alike twice, and a case that no field surely moves is left unexplained."""
    found = [one for one in answers if one.proposal["explanation"]["factors"]]
    assert len(found) >= len(answers) * 0.9
    return found


def test_it_serves_as_it_was_trained_and_explains_cases_in_words_with_direction(models, answers, told):
    assert load_scorers(models, decision_types())[LOAN].model["name"] == "loan_application-boosting"
    for answer in answers:
        Proposal.model_validate(answer.proposal)
        # Nobody is told nothing: there are factors, or it says that none was measured, or that all are slight.
        said = answer.proposal["explanation"]["summary"]
        assert (answer in told) != (NOT_EXPLAINED in said or "No field stands out" in said)
    for answer in told:
        explanation = answer.proposal["explanation"]
        sizes = [abs(one["effect"]) for one in explanation["factors"]]
        assert sizes == sorted(sizes, reverse=True)
        assert 1 <= len(sizes) <= MOST_FACTORS
        assert all((one["effect"] > 0) == (one["direction"] == "for") for one in explanation["factors"])
        assert explanation["factors"][0]["text"] in explanation["summary"]
        assert not {one["field"] for one in explanation["factors"]} & set(PROTECTED)


def test_effects_sum_to_the_log_odds_of_the_confidence_alone_and_in_a_batch(models, answers, told):
    for answer in told:
        explanation = answer.proposal["explanation"]
        total = explanation["base"] + explanation["rest"] + sum(one["effect"] for one in explanation["factors"])
        assert total == pytest.approx(log_odds(answer.proposal["confidence"]), abs=1e-3)
    scorer = scorer_of(models)
    alone = [scorer.score([question])[0] for question in asked(scorer, 3)]
    assert [one.proposal["explanation"] for one in alone] == [one.proposal["explanation"] for one in answers[:3]]


def test_the_estimates_come_near_the_shapley_values_of_many_more_orders(models):
    few, many = scorer_of(models), scorer_of(models, rows=10_000)
    gaps, sizes = [], []
    for short, long in zip(few.score(asked(few, 30)), many.score(asked(many, 30)), strict=True):
        exact = {one["field"]: one["effect"] for one in long.proposal["explanation"]["factors"]}
        for one in short.proposal["explanation"]["factors"]:
            if one["field"] in exact:
                gaps.append(abs(one["effect"] - exact[one["field"]]))
                sizes.append(abs(exact[one["field"]]))
                assert (one["effect"] > 0) == (exact[one["field"]] > 0)
    assert len(gaps) > 30
    assert np.mean(gaps) < 0.35 * np.mean(sizes)


def test_what_speaks_against_a_case_is_said_first_when_it_is_made_worse(models):
    scorer = scorer_of(models)
    question = asked(scorer, 1)[0]
    worse = Question({**question.payload, "credit_meets_guidelines": False, "bankruptcy_on_record": True})
    proposal = scorer.score([worse])[0].proposal
    factors = {one["field"]: one for one in proposal["explanation"]["factors"]}
    assert proposal["outcome"] == "decline"
    assert factors["credit_meets_guidelines"]["direction"] == "for"
    assert factors["credit_meets_guidelines"]["text"] == "Credit history: does not meet the guidelines"
    assert proposal["alternatives"][0]["why_lower"].startswith(("Nothing in the case", "What speaks for it"))


@pytest.mark.parametrize("explained", [{"rows": 0}, {"rows": 79}, {"batch_seconds": 0.0}])
def test_without_a_budget_there_is_a_proposal_and_no_explanation(models, answers, explained):
    scorer = scorer_of(models, **explained)
    for answer, other in zip(scorer.score(asked(scorer, 20)), answers, strict=False):
        explanation = answer.proposal["explanation"]
        assert explanation["factors"] == []
        assert NOT_EXPLAINED in explanation["summary"]
        assert answer.proposal["alternatives"][0]["why_lower"] == NOT_EXPLAINED
        assert answer.proposal["confidence"] == other.proposal["confidence"]
        Proposal.model_validate(answer.proposal)


def test_cases_beyond_the_budget_of_a_batch_are_proposed_unexplained_and_nobody_waits(models):
    # A clock that moves by a second at each look: the first chunk costs one, the second would end too late.
    scorer = scorer_of(models, batch_seconds=2.0, now=itertools.count().__next__)
    found = [bool(one.proposal["explanation"]["factors"]) for one in scorer.score(asked(scorer, 120))]
    assert found[0]
    assert not any(found[60:])
    assert len(found) == 120


def test_a_model_file_with_both_or_neither_of_weights_and_scale_is_refused(models, tmp_path):
    document = yaml.safe_load((models / f"{LOAN}.yaml").read_text(encoding="utf-8"))
    document.pop("scale")
    (tmp_path / f"{LOAN}.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
    with pytest.raises(ConfigurationError, match="any other has `scale`"):
        read_manifest(tmp_path / f"{LOAN}.yaml")


def test_texts_have_one_recipe(tmp_path):
    with pytest.raises(ConfigurationError, match="linear model only"):
        train("content_moderation", tmp_path, lambda _text, _share: None, learner="boosting")

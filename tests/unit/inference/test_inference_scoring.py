"""The committed model: proposals, signals, explanations that add up, and what it must never see."""

from __future__ import annotations

import math

import numpy as np
import orjson
import pytest

from countersign_inference.domain.explanations import MOST_FACTORS, Spoken, Wording, phrase, summary, why_lower
from countersign_inference.domain.features import Input
from countersign_inference.domain.linear import base, contributions, logit, sigmoid
from countersign_inference.domain.scoring import Abstained, Question, Scored
from countersign_inference.domain.similarity import Reference
from countersign_inference.training.loanapp import PROTECTED
from countersign_shared.contracts.events.scored import Proposal, Signal
from tests.unit.inference.loans import LOAN, loans, questions, scorers


@pytest.fixture(scope="module")
def answers():
    return scorers()[LOAN].score(questions(1989))


NEEDED = {"liquid_assets": "Liquid assets", "credit_meets_guidelines": "Credit history"}


def log_odds(probability: float) -> float:
    return math.log(probability / (1 - probability))


def test_every_case_is_answered_in_order_and_only_incomplete_ones_abstain(answers):
    assert len(answers) == 1989
    for one, answer in zip(loans(), answers, strict=True):
        lacking = [label for name, label in NEEDED.items() if name not in one.payload]
        if lacking:
            assert answer == Abstained("missing_input", f"the model needs {lacking[0]}")
        else:
            assert isinstance(answer, Scored)


def test_proposals_and_signals_have_the_shape_of_their_contract(answers):
    for answer in answers:
        if isinstance(answer, Scored):
            Proposal.model_validate(orjson.loads(orjson.dumps(answer.proposal)))
            sure = answer.proposal["confidence"]
            assert Signal.model_validate(answer.probability).value == sure
            assert [one["confidence"] for one in answer.proposal["alternatives"]] == [1.0 - sure]
            assert answer.probability["detail"]["margin"] == pytest.approx(2.0 * sure - 1.0, abs=1e-4)
            assert 0 < (Signal.model_validate(answer.similarity).value or 0) <= 1


def test_the_effects_of_all_fields_sum_to_the_log_odds_of_the_confidence(answers):
    for answer in answers:
        if isinstance(answer, Scored):
            explanation = answer.proposal["explanation"]
            told = sum(factor["effect"] for factor in explanation["factors"])
            total = explanation["base"] + told + explanation["rest"]
            assert total == pytest.approx(log_odds(answer.proposal["confidence"]), abs=1e-3)


def test_contributions_are_exact_before_rounding():
    scorer = scorers()[LOAN]
    model = scorer._model
    reading = model.features.read([question.payload for question in questions(300)])
    rows = [row for row in range(300) if row not in reading.refused]
    matrix = model.features.matrix(reading.values[rows])
    standardised = model.scale.standardise(matrix)
    total = base(model.weights, model.calibrator) + contributions(
        model.features, model.weights, model.calibrator, standardised
    ).sum(axis=1)
    raw = sigmoid(standardised @ model.weights.weight + model.weights.bias)
    assert total == pytest.approx(model.calibrator.linear_logit(raw), abs=1e-9)
    assert scorer.positive_probability(matrix) == pytest.approx(raw, abs=1e-6)


def test_factors_are_ranked_worded_and_point_the_way_they_push(answers):
    for answer in answers:
        if isinstance(answer, Scored):
            factors = answer.proposal["explanation"]["factors"]
            sizes = [abs(factor["effect"]) for factor in factors]
            assert 1 <= len(factors) <= MOST_FACTORS
            assert sizes == sorted(sizes, reverse=True)
            assert all((factor["effect"] > 0) == (factor["direction"] == "for") for factor in factors)
            assert all(factor["text"] for factor in factors)
            assert factors[0]["text"] in answer.proposal["explanation"]["summary"]


def test_the_runner_up_says_why_it_is_lower(answers):
    for answer in answers:
        if isinstance(answer, Scored):
            (other,) = answer.proposal["alternatives"]
            assert other["outcome"] != answer.proposal["outcome"]
            assert other["confidence"] + answer.proposal["confidence"] == pytest.approx(1)
            assert answer.proposal["confidence"] >= 0.5
            assert "against" in other["why_lower"] or "less common" in other["why_lower"]


def test_nothing_changes_whatever_the_protected_fields_say():
    plain = [Question(one.payload) for one in loans()[:200]]
    turned = [
        Question(one.payload | {"race": "black", "sex": "female", "marital_status": "married", "dependants": 8})
        for one in loans()[:200]
    ]
    assert scorers()[LOAN].score(plain) == scorers()[LOAN].score(turned)


def test_no_protected_field_is_read_or_named_in_an_explanation(answers):
    assert not set(PROTECTED) & set(scorers()[LOAN].reads)
    for answer in answers:
        if isinstance(answer, Scored):
            told = orjson.dumps([answer.proposal["explanation"], answer.proposal["alternatives"]]).decode().lower()
            assert not any(name in told for name in (*PROTECTED, "black", "hispanic", "marri", "female"))
            assert not {factor["field"] for factor in answer.proposal["explanation"]["factors"]} & set(PROTECTED)


def test_an_input_that_the_schema_refuses_is_an_abstention_even_where_the_model_could_read_it():
    question = questions(1)[0]
    (answer,) = scorers()[LOAN].score([question._replace(invalid=frozenset({"loan_to_value", "other"}))])
    assert answer == Abstained("invalid_input", "the model needs Loan to value")
    (answer,) = scorers()[LOAN].score([question._replace(invalid=frozenset({"credit_reports"}))])
    assert isinstance(answer, Scored)


def test_terms_of_the_proposal_come_from_the_case():
    answer = scorers()[LOAN].score(questions(1))[0]
    assert answer.proposal["outcome"] == "approve"
    assert answer.proposal["outcome_params"] == {"loan_amount": "89000.00", "term_months": 360}


def test_a_strange_case_is_unlike_the_training_cases(answers):
    payload = dict(questions(1)[0].payload) | {
        "loan_to_value": 120.0, "total_obligations_ratio": 65.0, "liquid_assets": "0.00", "cosigner": True, "units": 4,
        "industry_unemployment_rate": 12.0, "credit_meets_guidelines": False, "bankruptcy_on_record": True,
    }  # fmt: skip
    (strange,) = scorers()[LOAN].score([Question(payload)])
    assert strange.similarity["value"] < 0.01
    ordinary = [answer.similarity["value"] for answer in answers if isinstance(answer, Scored)]
    # A p-value is uniform on cases like those it was measured against.
    assert np.mean(ordinary) == pytest.approx(0.5, abs=0.05)
    assert np.mean(np.array(ordinary) <= 0.1) == pytest.approx(0.1, abs=0.03)


def test_a_value_beyond_what_the_model_distinguishes_puts_a_case_further_away():
    columns = scorers()[LOAN]._model.features.columns
    most = max(column.high for column in columns if column.field == "loan_to_value")
    payload = questions(1)[0].payload
    answers = scorers()[LOAN].score([Question({**payload, "loan_to_value": most + more}) for more in (0.0, 1.0)])
    at, beyond = (answer.similarity["detail"]["distance"] for answer in answers)
    assert beyond == pytest.approx(at + 1.0, abs=1e-3)
    assert answers[0].similarity["detail"]["sample"] > 100


def test_the_p_value_counts_the_case_itself_and_is_never_zero():
    reference = Reference(np.zeros((5, 1)), np.array([1.0, 2.0, 3.0]))
    assert reference.p_value(np.array([0.0, 1.0, 2.5, 99.0])).tolist() == [1.0, 1.0, 0.5, 0.25]


def test_logit_and_sigmoid_hold_at_the_ends():
    assert sigmoid(np.array([-1e4, 0.0, 1e4])).tolist() == [0.0, 0.5, 1.0]
    assert np.isfinite(logit(np.array([0.0, 1.0]))).all()


def test_batches_give_what_single_cases_give(answers):
    one_by_one = [scorers()[LOAN].score([question])[0] for question in questions(50)]
    for single, batched in zip(one_by_one, answers[:50], strict=True):
        if isinstance(single, Scored):
            assert single.proposal["confidence"] == pytest.approx(batched.proposal["confidence"], abs=1e-6)
            assert single.proposal["explanation"]["summary"] == batched.proposal["explanation"]["summary"]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (79.123456, "79.12"), (-0.5, "-0.5"), (0, "0"), (999, "999"), (1234, "1,234"), (9999.7, "10,000"),
        (123456.7, "123,457"), (-15000.0, "-15,000"), (0.00004, "0.00004"), (1e300, "1e+300"),
    ],
)  # fmt: skip
def test_a_number_is_quoted_as_people_write_it(value: float, said: str):
    item = Input("income", "number", "Income", unit="EUR", neutral=20_000.0)
    assert phrase(item)(value) == f"Income {said} EUR (20,000 EUR would be neutral)"


def test_what_a_case_says_is_quoted_with_its_label_and_in_its_own_words():
    unit_free = Input("units", "number", "Units")
    assert phrase(unit_free)(3) == "Units 3"
    assert phrase(Input("paid", "money", "Paid", unit="USD", neutral=50.0))("-1250.40") == (
        "Paid -1,250 USD (50 USD would be neutral)"
    )
    told = Input("late", "boolean", "Late", words={"true": "has been late"})
    assert [phrase(told)(flag) for flag in (True, False)] == ["Late: has been late", "Late: false"]
    level = Input("kind", "category", "Kind", levels=("new", "used"), words={"new": "from the shop"})
    assert [phrase(level)(one) for one in level.levels] == ["Kind: from the shop", "Kind: used"]
    spoken = Wording([told, unit_free]).speak({"units": None}, [0.3, -0.019], [0, 1])
    assert spoken.in_favour == ["Late: not stated"]
    assert spoken.opposed == []


@pytest.mark.parametrize(
    ("in_favour", "opposed", "said"),
    [
        (["b", "c"], ["a", "d"], "What speaks for it (a) weighs less than what speaks against (b)"),
        (["b"], [], "Nothing in the case speaks for it; against it: b"),
        ([], ["a"], "Only this speaks for it: a; among cases like this one it is less common"),
        ([], [], "Among cases like this one it is less common"),
    ],
)
def test_why_the_other_outcome_ranks_lower_is_turned_round(in_favour, opposed, said):
    assert why_lower(Spoken([], in_favour, opposed)) == said


def test_a_summary_names_the_three_strongest_on_each_side():
    factors, strongest = [{}] * 4, ["a", "b", "c", "d"]
    said = summary("Approve", 0.8, Spoken(factors, strongest, strongest))
    assert said == "Proposes Approve with 80% confidence. For it: a; b; c. Against it: a; b; c."
    assert summary("Approve", 0.8, Spoken([{}], [], ["d"])) == "Proposes Approve with 80% confidence. Against it: d."


def test_a_type_without_a_model_abstains_and_says_so():
    assert scorers()["refund"].score([Question({})]) == [Abstained("no_model", "no model is registered for refund")]

"""Explanations of models that nobody can see inside: exact where they can be, silent where no direction is known."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from countersign_inference.domain.explanations import LEAST_EFFECT
from countersign_inference.domain.features import Column, Features, Input
from countersign_inference.domain.permutation import CHUNK_ROWS, LEAST_PAIRS, MOST_PAIRS, Budget, Exchange

BACKGROUND = np.random.default_rng(5).normal(size=(200, 3))
STILL = np.zeros((10, 3))
PLENTY = Budget(rows=10_000, batch_seconds=60.0)
ONCE = itertools.repeat(0.0).__next__


def features(*columns_of: int) -> Features:
    """Return features with an input per number: how many columns it has."""
    inputs = [Input(f"f{at}", "number", f"Field {at}") for at in range(len(columns_of))]
    columns = [
        Column(f"c{at}.{copy}", f"f{at}", "clip", low=-99.0, high=99.0)
        for at, copies in enumerate(columns_of)
        for copy in range(copies)
    ]
    return Features(inputs, columns)


def explained(ask, matrix, *, background=BACKGROUND, columns_of=(1, 1, 1), budget=PLENTY, seed="s"):
    exchange = Exchange(features(*columns_of), background, ask, budget, seed=seed)
    return exchange.effects(matrix, ask(matrix), ONCE)


def summed(matrix):
    return matrix @ np.array([1.0, -2.0, 0.5]) + 3.0


def tangled(matrix):
    return np.where(matrix[:, 0] > 0.0, matrix[:, 1], -matrix[:, 1]) + np.tanh(matrix[:, 0] * matrix[:, 2])


def test_where_fields_only_add_up_each_has_exactly_its_own_part():
    found = explained(summed, np.array([[1.0, 1.0, 0.0], [0.0, 2.0, 4.0]]), background=STILL)
    assert found.values == pytest.approx(np.array([[1.0, -2.0, 0.0], [0.0, -4.0, 2.0]]))
    assert found.base == 3.0
    assert found.certain.all()
    assert found.explained.tolist() == [True, True]


def test_the_effects_sum_to_what_the_model_says_however_fields_work_together():
    matrix = np.random.default_rng(6).normal(size=(50, 3))
    found = explained(tangled, matrix)
    assert found.base + found.values.sum(axis=1) == pytest.approx(tangled(matrix))


def test_the_columns_of_a_field_are_exchanged_together():
    def both(matrix):
        return np.where(matrix[:, 0] == matrix[:, 1], matrix[:, 0], 99.0) + matrix[:, 2]

    found = explained(both, np.array([[1.0, 1.0, 5.0]]), background=STILL, columns_of=(2, 1))
    assert found.values.tolist() == [[1.0, 5.0]]


def test_fields_that_may_work_in_either_direction_are_not_named_and_one_without_effect_does_not_hide_that():
    # What the first field does depends on the second, which is as often 1 as -1; nothing rests on the third.
    sides = np.array([[0.0, 1.0, 0.0], [0.0, -1.0, 0.0]] * 100)
    case = np.array([[1.0, 0.0, 7.0]])
    found = [
        explained(lambda matrix: matrix[:, 0] * matrix[:, 1], case, background=sides, seed=seed) for seed in "abcdef"
    ]
    large = [one for one in found if np.abs(one.values).max() > LEAST_EFFECT]
    assert len(large) > 3
    for one in large:
        assert one.certain.tolist() == [[False, False, True]]
        assert one.values[0, 2] == 0.0
        assert one.explained.tolist() == [False]


@pytest.mark.parametrize(("weight", "told"), [(0.0, True), (LEAST_EFFECT / 4, True), (LEAST_EFFECT * 2, True)])
def test_a_case_whose_fields_are_all_known_to_be_slight_is_explained(weight, told):
    found = explained(lambda matrix: weight * matrix[:, 0], np.array([[1.0, 0.0, 0.0]]), background=STILL)
    assert found.explained.tolist() == [told]


@pytest.mark.parametrize("inputs", [1, 2, 3, 9])
def test_no_case_costs_more_rows_than_the_budget_says_and_few_orders_are_none(inputs):
    asked: list[int] = []

    def ask(matrix):
        asked.append(len(matrix))
        return matrix.sum(axis=1)

    steps = max(inputs - 1, 1)
    for rows in (2 * steps * LEAST_PAIRS, 2 * steps * LEAST_PAIRS - 1, 100 * steps):
        budget, background = Budget(rows=rows, batch_seconds=60.0), np.zeros((40, inputs))
        exchange = Exchange(features(*[1] * inputs), background, ask, budget, seed="s")
        matrix = np.ones((1, inputs))
        asked.clear()
        found = exchange.effects(matrix, matrix.sum(axis=1), ONCE)
        assert sum(asked) <= min(rows, 2 * steps * MOST_PAIRS)
        assert found.explained.tolist() == [rows >= 2 * steps * LEAST_PAIRS]
        assert found.values.tolist() == [[float(rows >= 2 * steps * LEAST_PAIRS)] * inputs]


def test_no_question_is_longer_than_the_longest_step_between_two_looks_at_the_clock():
    asked: list[int] = []

    def ask(matrix):
        asked.append(len(matrix))
        return summed(matrix)

    found = explained(ask, np.ones((1_000, 3)))
    assert found.explained.all()
    assert max(asked) <= CHUNK_ROWS


def test_a_model_is_explained_the_same_every_time_and_another_by_other_orders():
    matrix = np.array([[1.0, 1.0, 1.0], [0.3, -2.0, 0.1]])
    once, again, other = (explained(tangled, matrix, seed=seed) for seed in ("one", "one", "two"))
    assert once.values.tolist() == again.values.tolist()
    assert once.values.tolist() != other.values.tolist()
    assert once.values == pytest.approx(other.values, abs=0.6)

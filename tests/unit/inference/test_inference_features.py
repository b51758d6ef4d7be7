"""Reading payloads strictly: a value of another type is refused, never converted."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from countersign_inference.domain.features import Column, Features, Input

INPUTS = (
    Input("ratio", "number", "Ratio"),
    Input("assets", "money", "Assets", unit="USD"),
    Input("verified", "boolean", "Verified"),
    Input("record", "category", "Record", levels=("good", "slow", "bad")),
    Input("units", "number", "Units", default=1.0),
)
COLUMNS = (
    Column("ratio", "ratio", "clip", low=10, high=60),
    Column("ratio_over", "ratio", "hinge", low=36, high=60),
    Column("assets", "assets", "log1p", low=0, high=1_000_000, scale=1_000),
    Column("verified", "verified", "clip"),
    Column("worse", "record", "one_of", levels=("slow", "bad")),
    Column("several", "units", "at_least", low=2),
)
FEATURES = Features(INPUTS, COLUMNS)
GOOD = {"ratio": 40, "assets": "9000.00", "verified": True, "record": "slow", "units": 3}

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def test_columns_are_what_their_names_say():
    reading = FEATURES.read([GOOD, GOOD | {"ratio": 99.5, "record": "good", "units": 1, "verified": False}])
    assert reading.refused == {}
    matrix = FEATURES.matrix(reading.values)
    assert matrix[0] == pytest.approx([40, 4, math.log(10), 1, 1, 1])
    assert matrix[1] == pytest.approx([60, 24, math.log(10), 0, 0, 0])


def test_a_missing_required_input_is_named_and_an_optional_one_has_a_default():
    lacking = {"ratio": None, "assets": "1.00", "verified": False}
    reading = FEATURES.read([GOOD, lacking])
    assert reading.refused == {1: ("missing_input", ("ratio", "record"))}
    assert reading.values[1, 4] == 1.0


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("ratio", "40"), ("ratio", True), ("ratio", float("nan")), ("ratio", float("inf")), ("ratio", 2**60),
        ("ratio", [40]), ("assets", 9000), ("assets", "1_000"), ("assets", " 1"), ("assets", "1e5"),
        ("assets", "nan"), ("assets", "٣"), ("assets", "--5"), ("assets", "5-"), ("assets", "1" * 40), ("assets", ""),
        ("assets", "1.2.3"), ("ratio", 2**53), ("ratio", -(2**53)),
        ("assets", "."), ("assets", "-"), ("verified", 1), ("verified", "true"), ("record", "worse"),
        ("record", 1), ("record", ["good"]), ("units", "2"),
    ],
)  # fmt: skip
def test_a_value_of_another_kind_is_refused(field, value):
    assert FEATURES.read([GOOD | {field: value}]).refused == {0: ("invalid_input", (field,))}


@given(payload=st.fixed_dictionaries({}, optional=dict.fromkeys(GOOD, ANY_JSON)))
def test_any_payload_is_read_or_refused_and_what_is_read_is_finite(payload):
    reading = FEATURES.read([GOOD, payload])
    matrix = FEATURES.matrix(reading.values)
    assert np.isfinite(matrix).all()
    assert matrix[0] == pytest.approx([40, 4, math.log(10), 1, 1, 1])
    if 1 not in reading.refused:
        assert all(isinstance(payload[name], kind) for name, kind in (("assets", str), ("verified", bool)))


def test_an_input_beyond_all_its_columns_lies_outside():
    values = {
        "ratio": [9.9, 10, 36, 60, 60.1, 30], "assets": ["0", "1000000", "-0.01", "5", "1000000.01", "5"],
        "units": [1, 2, 3, 0, 99, 1],
    }  # fmt: skip
    payloads = [GOOD | dict(zip(values, row, strict=True)) for row in zip(*values.values(), strict=True)]
    assert FEATURES.outside(FEATURES.read(payloads).values).tolist() == [1, 0, 1, 0, 2, 0]


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (Column("x", "ratio", "clip", low=2, high=1), "low is above high"),
        (Column("x", "ratio", "hinge", low=2, high=1), "low is above high"),
        (Column("x", "assets", "log1p", low=2, high=1), "low is above high"),
        (Column("x", "assets", "log1p", scale=0.0), "scale must be above 0"),
        (Column("x", "assets", "log1p", low=-1.0), "low must be above -scale"),
        (Column("x", "record", "one_of", levels=("good", "worse")), "record has no level 'worse'"),
    ],
)
def test_a_column_that_would_fail_on_a_case_is_refused(column, message):
    with pytest.raises(ValueError, match=message):
        Features(INPUTS, [column])


def test_an_input_is_read_once():
    with pytest.raises(ValueError, match="two inputs read units"):
        Features([*INPUTS, INPUTS[-1]], COLUMNS)


def test_a_column_of_an_unknown_input_is_refused():
    with pytest.raises(ValueError, match="reads other"):
        Features(INPUTS, [Column("x", "other", "clip")])

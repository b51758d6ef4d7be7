"""From payload fields to the numbers a model reads.

Two steps. An `Input` is a payload field read strictly as one number; a `Column` makes a model column out of an
input. Both are plain data from the model's manifest, so training and serving share this very code.
"""

import dataclasses
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Kind = Literal["number", "money", "boolean", "category"]
Transform = Literal["clip", "hinge", "log1p", "one_of", "at_least"]
Matrix = npt.NDArray[np.float64]

_SIZES = {"number", "money"}
MAX_DECIMAL_CHARACTERS = 32
"""Longest money text that is read: fifteen digits, sign, point and fraction fit twice."""


@dataclass(frozen=True, slots=True)
class Input:
    """One payload field as the model reads it.

    `levels` names the values of a category, in the order of their codes. `default` stands in for an absent field;
    an input without one is required, and a case that lacks it gets no proposal. `words` says a value in plain words
    (keys `true` and `false`, or the levels); `neutral` is the quantity that speaks neither for nor against an outcome,
    in the field's own unit.
    """

    field: str
    kind: Kind
    label: str
    unit: str = ""
    levels: tuple[str, ...] = ()
    default: float | None = None
    neutral: float | None = None
    words: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @property
    def required(self) -> bool:
        """Whether a case without this field gets no proposal."""
        return self.default is None


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the model's matrix, made from one input.

    clip      the value, held within [low, high]
    hinge     how far the value exceeds low, at most high - low
    log1p     log(1 + value / scale) of the value held within [low, high]
    one_of    1 when a category is one of `levels`, else 0
    at_least  1 when the value is low or more, else 0
    """

    name: str
    field: str
    transform: Transform
    low: float = 0.0
    high: float = 1.0
    scale: float = 1.0
    levels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read from a batch: `values` is (cases, inputs); `refused[i]` says why case i cannot be scored.

    A case is refused with ("missing_input" | "invalid_input", fields); `refused` has no entry for a readable one.
    """

    values: Matrix
    refused: Mapping[int, tuple[str, tuple[str, ...]]]


class Features:
    """The inputs and columns of one model."""

    def __init__(self, inputs: Sequence[Input], columns: Sequence[Column]) -> None:
        self.inputs = tuple(inputs)
        self.columns = tuple(columns)
        self._position = {item.field: index for index, item in enumerate(self.inputs)}
        if len(self._position) < len(self.inputs):
            twice = next(name for name, count in Counter(item.field for item in self.inputs).items() if count > 1)
            raise ValueError(f"two inputs read {twice}")
        self._codes = tuple({level: float(code) for code, level in enumerate(item.levels)} for item in self.inputs)
        for column in self.columns:
            if column.field not in self._position:
                raise ValueError(f"column {column.name} reads {column.field}, which is not among the inputs")
            self._check(column)
        self._ranges: dict[int, tuple[float, float]] = {}
        for column in self.columns:
            position = self._position[column.field]
            if column.transform in {"clip", "hinge", "log1p"} and self.inputs[position].kind in _SIZES:
                low, high = self._ranges.get(position, (column.low, column.high))
                self._ranges[position] = min(low, column.low), max(high, column.high)
        self.column_inputs = tuple(self._position[column.field] for column in self.columns)

    def _check(self, column: Column) -> None:
        """Refuse what would fail on the first case, or see the same in all of them."""
        known = self.inputs[self._position[column.field]].levels
        if unknown := [level for level in column.levels if level not in known]:
            raise ValueError(f"column {column.name}: {column.field} has no level {unknown[0]!r}")
        if column.transform in {"clip", "hinge", "log1p"} and column.low > column.high:
            raise ValueError(f"column {column.name}: low is above high")
        if column.transform == "log1p" and column.scale <= 0.0:
            raise ValueError(f"column {column.name}: scale must be above 0")
        if column.transform == "log1p" and column.low <= -column.scale:
            raise ValueError(f"column {column.name}: low must be above -scale, or there is no logarithm")

    def read(self, payloads: Sequence[Mapping[str, Any]]) -> Reading:
        """Read the inputs of a batch strictly: a value of another type is refused, never converted."""
        values = np.zeros((len(payloads), len(self.inputs)))
        missing: dict[int, list[str]] = {}
        invalid: dict[int, list[str]] = {}
        for position, item in enumerate(self.inputs):
            read = _READERS[item.kind]
            codes = self._codes[position]
            column: list[float] = []
            for row, payload in enumerate(payloads):
                raw = payload.get(item.field)
                if raw is None:
                    if item.default is None:
                        missing.setdefault(row, []).append(item.field)
                    column.append(item.default or 0.0)
                    continue
                value = read(raw, codes)
                if value is None:
                    invalid.setdefault(row, []).append(item.field)
                    value = 0.0
                column.append(value)
            values[:, position] = column
        refused = {row: ("invalid_input", tuple(fields)) for row, fields in invalid.items()}
        refused |= {row: ("missing_input", tuple(fields)) for row, fields in missing.items()}
        return Reading(values, refused)

    def matrix(self, values: Matrix) -> Matrix:
        """Return the model's columns, (cases, columns), of what `read` found."""
        out = np.empty((values.shape[0], len(self.columns)))
        for index, (column, position) in enumerate(zip(self.columns, self.column_inputs, strict=True)):
            out[:, index] = self._apply(column, position, values[:, position])
        return out

    def outside(self, values: Matrix) -> Matrix:
        """Return per case how many inputs lie beyond what the model distinguishes: there it sees only the limit."""
        found: Matrix = np.zeros(values.shape[0])
        for position, (low, high) in self._ranges.items():
            raw = values[:, position]
            found += (raw < low) | (raw > high)
        return found

    def _apply(self, column: Column, position: int, raw: Matrix) -> Matrix:
        # Plain comparisons: for the few cases of an ordinary batch, np.clip and np.isin cost more than all the rest.
        if column.transform == "at_least":
            return (raw >= column.low).astype(np.float64)
        if column.transform == "one_of":
            codes = self._codes[position]
            among: Matrix = np.logical_or.reduce([raw == codes[level] for level in column.levels]).astype(np.float64)
            return among
        held: Matrix = np.minimum(np.maximum(raw, column.low), column.high)
        if column.transform == "hinge":
            return held - column.low
        if column.transform == "log1p":
            logged: Matrix = np.log1p(held / column.scale)
            return logged
        return held


def _number(raw: object, _codes: Mapping[str, float]) -> float | None:
    # `type` and not isinstance: True is an int in Python and no number in a payload.
    if type(raw) is float:
        return raw if math.isfinite(raw) else None
    if type(raw) is int:
        return float(raw) if abs(raw) < 2**53 else None
    return None


def _money(raw: object, _codes: Mapping[str, float]) -> float | None:
    if type(raw) is not str or len(raw) > MAX_DECIMAL_CHARACTERS:
        return None
    # float() also takes "1_000", " 1 ", "1e5", "nan" and digits of other scripts; a decimal string is none of these.
    if not raw.isascii() or not raw.lstrip("-").replace(".", "", 1).isdigit():
        return None
    return float(raw) if not raw.startswith("--") else None


def _boolean(raw: object, _codes: Mapping[str, float]) -> float | None:
    return float(raw) if type(raw) is bool else None


def _category(raw: object, codes: Mapping[str, float]) -> float | None:
    return codes.get(raw) if type(raw) is str else None


_READERS = {"number": _number, "money": _money, "boolean": _boolean, "category": _category}

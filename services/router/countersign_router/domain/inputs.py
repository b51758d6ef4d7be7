"""Reading what a policy declares out of a case: exact types, or a named problem. Nothing is guessed or converted."""

import math
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time
from typing import Any, NamedTuple

from countersign_router.domain.policy import Input
from countersign_shared.contracts.money import minor_units

MAX_TEXT = 10_000
"""Characters of a string input: long enough for any code or comment, short enough for a pattern to run over."""
MAX_STRINGS = 1_000
INT64 = 1 << 63


class InputProblem(NamedTuple):
    """Why an input could not be read: ``code`` is ``missing_input`` or ``invalid_input``.

    ``detail`` is for people and names the input by its label. ``field`` is the payload's field that it stands in, None
    where it stands outside the payload.
    """

    code: str
    name: str
    detail: str
    field: str | None = None


class _Invalid(Exception):  # noqa: N818 - a refusal inside this module, never seen outside
    pass


def read_inputs(inputs: tuple[Input, ...], case: Mapping[str, Any]) -> tuple[dict[str, object], list[InputProblem]]:
    """Return the variables ``case.x`` and ``has.case.x`` of a case.created body, and what could not be read.

    A null counts as absent. An input that cannot be read is left out, so that an expression reading it fails.
    """
    variables: dict[str, object] = {}
    problems: list[InputProblem] = []
    payload = case.get("payload")
    fields: Mapping[str, Any] = payload if payload.__class__ is dict else {}
    for declared in inputs:
        value: Any = fields.get(declared.key) if declared.key is not None else _found(declared, case, payload)
        variables[declared.present] = value is not None
        if value is None:
            if declared.required:
                detail = f"The policy needs {declared.label}, and the case has none"
                problems.append(_problem("missing_input", declared, detail))
            continue
        try:
            variables[declared.variable] = _READERS[declared.type](value, declared)
        except _Invalid as problem:
            problems.append(_problem("invalid_input", declared, f"{declared.label} {problem}"))
    return variables, problems


def _problem(code: str, declared: Input, detail: str) -> InputProblem:
    return InputProblem(code, declared.name, detail, None if declared.from_body else declared.path[0])


def _found(declared: Input, case: Mapping[str, Any], payload: Any) -> Any:
    value: Any = case if declared.from_body else payload
    for key in declared.path:
        value = value.get(key) if value.__class__ is dict else None
    return value


def _money(value: Any, declared: Input) -> int:
    # Either an amount with its currency, or plain text where the decision type says which currency it is in.
    if isinstance(value, dict):
        if value.get("currency") != declared.currency:
            raise _Invalid(f"must be in {declared.currency}")
        value = value.get("value")
    try:
        return minor_units(value, declared.currency)
    except ValueError as problem:
        raise _Invalid(f"is unusable: {problem}") from None


def _integer(value: Any, _: Input) -> int:
    if value.__class__ is not int or not -INT64 <= value < INT64:
        raise _Invalid("must be a whole number of 64 bits")
    return value


def _number(value: Any, _: Input) -> float:
    if value.__class__ is int:
        value = float(value) if -INT64 <= value < INT64 else math.inf
    if value.__class__ is not float or not math.isfinite(value):
        raise _Invalid("must be a finite number")
    return value


def _boolean(value: Any, _: Input) -> bool:
    if value.__class__ is not bool:
        raise _Invalid("must be true or false")
    return value


def _string(value: Any, declared: Input) -> str:
    if value.__class__ is not str or len(value) > declared.max_length:
        raise _Invalid(f"must be text of at most {declared.max_length} characters")
    if declared.enum is not None and value not in declared.enum:
        raise _Invalid(f"must be one of {', '.join(sorted(declared.enum))}")
    if not value.isascii() and any("\ud800" <= letter <= "\udfff" for letter in value):
        raise _Invalid("must be text without half characters")
    return value


def _strings(value: Any, declared: Input) -> list[str]:
    if value.__class__ is not list or len(value) > declared.max_items:
        raise _Invalid(f"must be a list of at most {declared.max_items} texts")
    return [_string(one, declared) for one in value]


def _timestamp(value: Any, _: Input) -> datetime:
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise _Invalid("must be an RFC 3339 time") from None
    if moment.tzinfo is None:
        raise _Invalid("must say its time zone")
    try:
        moment.astimezone(UTC)
    except OverflowError:
        raise _Invalid("must be a time in UTC too, and its zone takes it out of the calendar") from None
    # As it came: stored routings hold it so, and a replay compares what was read.
    return moment


def _date(value: Any, _: Input) -> datetime:
    try:
        return datetime.combine(date.fromisoformat(value), time(), UTC)
    except (TypeError, ValueError):
        raise _Invalid("must be a date like 2026-01-31") from None


_READERS: dict[str, Callable[[Any, Input], object]] = {
    "money": _money,
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
    "string": _string,
    "strings": _strings,
    "timestamp": _timestamp,
    "date": _date,
}

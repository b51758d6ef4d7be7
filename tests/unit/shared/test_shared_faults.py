"""Faults as they are kept: no erasure reaches a log, so what a case says must not be in one."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import jsonschema_rs
import orjson
import pytest
from asyncpg.exceptions import _base
from pydantic import BaseModel

from countersign_shared.errors import FatalError
from countersign_shared.observability import Health
from countersign_shared.observability.faults import named, told, traced
from countersign_shared.observability.logs import JsonLines, Plain

NAME = 'Maria "Mia" O\'Hara'
FACTS = {"born": 1985, "name": NAME}


class _Case(BaseModel):
    title: int
    payload: dict[str, int]


def _refused_row() -> None:
    fields = {
        "C": "23514", "M": 'new row for relation "cases" violates check constraint "cases_level"',
        "D": f"Failing row contains (default, a, {NAME}).",
    }  # fmt: skip
    raise asyncpg.PostgresError.new(fields)


def _unreadable_value() -> None:
    raise asyncpg.PostgresError.new({"C": "22P02", "M": f'invalid input syntax for type uuid: "{NAME}"'})


def _misfit(value: object) -> None:
    raise asyncpg.DataError(f"invalid input for query argument $2: {value!r:.40}... (expected str, got int)")


def _misfit_of_the_driver() -> None:
    raise _base.DataError(f"invalid input for query argument $2: {NAME!r} (expected str, got int)")


WITH_VALUES: dict[str, tuple[Callable[[], Any], str]] = {
    "row": (_refused_row, 'new row for relation "cases" violates check constraint "cases_level"'),
    "value": (_unreadable_value, "invalid input syntax for type uuid: \u2026"),
    "argument": (lambda: _misfit(FACTS), "invalid input for query argument $2: \u2026"),
    "driver": (_misfit_of_the_driver, "invalid input for query argument $2: \u2026"),
    "model": (
        lambda: _Case.model_validate({"title": NAME, "payload": {"age": NAME}}),
        "2 wrong in _Case: /title int_parsing, /payload/age int_parsing",
    ),
    "number": (lambda: int(NAME), "invalid literal for int() with base 10: \u2026"),
    "float": (lambda: float(NAME), "could not convert string to float: \u2026"),
    "moment": (lambda: datetime.fromisoformat(NAME), "Invalid isoformat string: \u2026"),
    "key": (lambda: {}[NAME], "\u2026"),
    "text": (f"{NAME}\ud800".encode, "\u2026 in position 18: surrogates not allowed"),
    "schema": (lambda: jsonschema_rs.validate({"type": "number"}, NAME), "\u2026"),
}


def _raised(work: Callable[[], Any]) -> BaseException:
    with pytest.raises(Exception) as raised:  # noqa: PT011 - whichever it is
        work()
    return raised.value


@pytest.mark.parametrize(("work", "words"), WITH_VALUES.values(), ids=WITH_VALUES)
def test_no_value_that_a_fault_quotes_is_kept(work: Callable[[], Any], words: str) -> None:
    error = _raised(work)
    assert told(error) == words
    for text in (named(error), traced(error), *_logged(error)):
        assert words in orjson.loads(orjson.dumps(text))
        assert not [part for part in ("Maria", "Mia", "Hara", "1985", "Failing") if part in text], text
    health = Health()
    health.failed(error)
    assert health.live()[1]["failure"] == named(error)


def _logged(error: BaseException) -> list[str]:
    """Write a fault as lines of the log, in each way that it comes there."""
    out = []
    for formatter in (JsonLines(), Plain("%(message)s")):
        stream = io.StringIO()
        handler = logging.StreamHandler(stream)
        handler.setFormatter(formatter)
        for message, arguments, info in (
            ("it cannot go on: %s", (error,), None), ("failed: %r", (error,), None), ("failed", (), error),
        ):  # fmt: skip
            given = None if info is None else (type(info), info, info.__traceback__)
            handler.handle(logging.LogRecord("x", logging.ERROR, __file__, 1, message, arguments, given))
        out.append(stream.getvalue().replace('\\"', '"'))
    return out


@pytest.mark.parametrize("error", [
    FatalError("case.routed[3] at offset 7 is no event of ours: 'kind' is missing"),
    FileNotFoundError(2, "No such file or directory", "/keys/epoch"),
    AttributeError("'NoneType' object has no attribute 'title'"),
    TypeError("f() got an unexpected keyword argument 'tier'"),
    asyncpg.PostgresError.new({"C": "42P01", "M": 'relation "cases" does not exist'}),
    asyncpg.InterfaceError("connection is closed"),
    ConnectionResetError("lost"),
], ids=lambda error: type(error).__name__)  # fmt: skip
def test_words_about_programs_and_files_stay_whole(error: Exception) -> None:
    assert told(error) == str(error)


def test_a_field_that_is_missing_is_named() -> None:
    body: dict[str, Any] = {}
    assert named(_raised(lambda: body["payload"])) == "KeyError: 'payload'"
    assert named(_raised(lambda: body[NAME])) == "KeyError: \u2026"
    assert named(KeyError("payload")) == "KeyError: \u2026"


def test_what_led_to_a_fault_is_told_with_its_place_and_without_its_values() -> None:
    def lead() -> None:
        try:
            UUID(int(NAME))  # type: ignore[arg-type]
        except ValueError as error:
            raise FatalError("case.routed[3] at offset 7 is no event of ours") from error

    text = traced(_raised(lead))
    assert text.index("ValueError: invalid literal for int() with base 10: \u2026") < text.index("Direct cause")
    assert text.endswith("countersign_shared.errors.FatalError: case.routed[3] at offset 7 is no event of ours")
    assert "in lead" in text
    assert "int(NAME)" in text
    assert "Mia" not in text
    group = traced(_raised(lambda: (_ for _ in ()).throw(ExceptionGroup("two", [KeyError(NAME), ValueError("odd")]))))
    assert "KeyError: \u2026" in group
    assert "ValueError: odd" in group
    assert "Mia" not in group

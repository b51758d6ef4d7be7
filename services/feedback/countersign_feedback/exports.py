"""Judged cases and reviewers' counts from files: CSV with a header, or JSON.

Judged cases, one a row: ``case_id``, ``confidence``, and where they were judged ``error`` (0 or 1) and ``probability``
(the logged chance of being drawn). Optional: what makes a population (``tenant``, ``decision_type``, ``tier``,
``model_name``, ``model_version``, ``calibrator_version``, ``automation_sha256``) and times with a zone (``routed_at``,
``judged_at``). A row without ``error`` tells only which confidences occur.
"""

import csv
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from math import isfinite
from pathlib import Path
from typing import Any

from countersign_feedback.domain.facts import UNKNOWN
from countersign_feedback.domain.judged import JudgedCase, Population
from countersign_feedback.domain.rubber_stamps import Reviews, reading_floor_seconds

MAX_ROWS = 5_000_000
TRUE, FALSE = {"1", "true", "yes"}, {"0", "false", "no"}


class UnreadableExportError(ValueError):
    """A file does not hold what it should; the message names the row and the field."""


def read_cases(path: Path) -> list[JudgedCase]:
    """Return the cases of a file; what cannot be read is an ``UnreadableExportError``."""
    return [_case(row, where) for where, row in _rows(path, "cases")]


def read_reviews(path: Path) -> tuple[list[Reviews], list[tuple[str, ...]]]:
    """Return reviewers' counts, and the answers of cases that several people judged.

    JSON may also hold ``answers`` (one list per doubled case) and ``timings`` (``reviewer``, ``words`` shown and
    ``seconds`` taken), which are added to the counts of decisions faster than the text can be read.
    """
    names = Reviews.__slots__
    found = _json(path) if path.suffix == ".json" else {}
    reviews = [_reviews({name: row.get(name) for name in names}, where) for where, row in _rows(path, "reviewers")]
    timed = _timed(_list(found, "timings", dict, path), str(path))
    reviews = [
        replace(one, too_fast=one.too_fast + timed[one.reviewer][0], timed=one.timed + timed[one.reviewer][1])
        for one in reviews
    ]
    answers = _list(found, "answers", list, path)
    return reviews, [tuple(str(answer) for answer in unit) for unit in answers]


def _list(found: Mapping[str, Any], member: str, kind: type[Any], path: Path) -> list[Any]:
    """Return a list of objects or of lists; one that is not there is empty."""
    value = found.get(member, [])
    if not isinstance(value, list) or not all(isinstance(one, kind) for one in value):
        raise UnreadableExportError(
            f"{path}: the member {member!r} must be a list of {'objects' if kind is dict else 'lists'}"
        )
    return value


def _rows(path: Path, member: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if path.suffix == ".json":
        found = _json(path)
        rows = _list({member: None, **found}, member, dict, path)
        yield from ((f"{path}, {member}[{place}]", row) for place, row in enumerate(rows))
        return
    with path.open(encoding="utf-8", newline="") as file:
        lines = csv.DictReader(file)
        try:
            for place, row in enumerate(lines):
                if place >= MAX_ROWS:
                    raise UnreadableExportError(f"{path}: more than {MAX_ROWS:,} rows; export fewer days")
                yield f"{path}, line {place + 2}", row
        except csv.Error as error:
            raise UnreadableExportError(f"{path}, line {lines.line_num}: it is no CSV: {error}") from error


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except RecursionError as error:
        raise UnreadableExportError(f"{path} is nested too deeply") from error
    except ValueError as error:
        raise UnreadableExportError(f"{path} is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise UnreadableExportError(f"{path}: expected an object")
    return found


def _case(row: Mapping[str, Any], where: str) -> JudgedCase:
    if not row.get("case_id"):
        raise UnreadableExportError(f"{where}: case_id is missing")
    named = {name: str(row.get(name) or UNKNOWN) for name in Population.__slots__}
    error = _text(row, "error")
    if error.lower() not in TRUE | FALSE | {""}:
        raise UnreadableExportError(f"{where}: error must be 0, 1 or empty, not {error!r}")
    return JudgedCase(
        population=Population(**named), case_id=str(row["case_id"]), confidence=_number(row, "confidence", where),
        error=None if not error else error.lower() in TRUE, probability=_number(row, "probability", where),
        routed_at=_moment(row, "routed_at", where), judged_at=_moment(row, "judged_at", where),
    )  # fmt: skip


def _reviews(row: Mapping[str, Any], where: str) -> Reviews:
    if not row["reviewer"]:
        raise UnreadableExportError(f"{where}: reviewer is missing")
    try:
        counts = {name: int(value or 0) for name, value in row.items() if name != "reviewer"}
        return Reviews(reviewer=str(row["reviewer"]), **counts)
    except (ValueError, TypeError, OverflowError) as error:
        raise UnreadableExportError(f"{where}: {error}") from error


def _timed(timings: Sequence[Mapping[str, Any]], where: str) -> dict[str, tuple[int, int]]:
    counted: dict[str, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for place, row in enumerate(timings):
        words, seconds = (_number(row, name, f"{where}, timings[{place}]") for name in ("words", "seconds"))
        if words is None or seconds is None or not (isfinite(words) and isfinite(seconds)):
            raise UnreadableExportError(f"{where}, timings[{place}]: words and seconds are needed")
        fast, all_of_them = counted[str(row.get("reviewer"))]
        counted[str(row.get("reviewer"))] = (fast + (seconds < reading_floor_seconds(int(words))), all_of_them + 1)
    return counted


def _text(row: Mapping[str, Any], name: str) -> str:
    value = row.get(name)
    return "" if value is None else str(value).strip()


def _number(row: Mapping[str, Any], name: str, where: str) -> float | None:
    text = _text(row, name)
    try:
        return float(text) if text else None
    except ValueError as error:
        raise UnreadableExportError(f"{where}: {name} must be a number, not {text!r}") from error


def _moment(row: Mapping[str, Any], name: str, where: str) -> datetime | None:
    text = _text(row, name)
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise UnreadableExportError(
            f"{where}: {name} must be a time like 2026-01-02T03:04:05Z, not {text!r}"
        ) from error
    if moment.tzinfo is None:
        raise UnreadableExportError(f"{where}: {name} has no zone; write {text}Z for UTC")
    return moment

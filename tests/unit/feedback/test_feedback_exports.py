"""Files of judged cases and reviewers: what is read, and what is named when it cannot be."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from countersign_feedback.exports import UnreadableExportError, read_cases, read_reviews

HEAD = "case_id,confidence,error,probability,tier,routed_at\n"


def written(tmp_path: Path, text: str, name: str = "cases.csv") -> Path:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def test_csv_of_cases(tmp_path: Path) -> None:
    text = HEAD + "a,0.97,0,0.1,low,2026-01-02T03:04:05Z\nb,0.91,,,low,\nc,0.9,TRUE,1,,\n"
    first, second, third = read_cases(written(tmp_path, text))
    assert (first.error, first.probability, first.label) == (False, 0.1, True)
    assert first.routed_at == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert first.population.tier == "low"
    assert first.population.model_name == "unknown"
    assert (second.error, second.probability, second.label) == (None, None, False)
    assert third.error is True


def test_json_of_cases_is_the_same(tmp_path: Path) -> None:
    rows = [{"case_id": "a", "confidence": 0.97, "error": 0, "probability": 0.1, "tier": "low"}]
    (from_json,) = read_cases(written(tmp_path, json.dumps({"cases": rows}), "cases.json"))
    (from_csv,) = read_cases(written(tmp_path, HEAD + "a,0.97,0,0.1,low,\n"))
    assert from_json == from_csv


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (",0.9,0,1,low,", "line 2: case_id is missing"),
        ("a,high,0,1,low,", "line 2: confidence must be a number, not 'high'"),
        ("a,0.9,maybe,1,low,", "line 2: error must be 0, 1 or empty, not 'maybe'"),
        ("a,0.9,0,half,low,", "line 2: probability must be a number"),
        ("a,0.9,0,1,low,yesterday", "line 2: routed_at must be a time"),
        ("a,0.9,0,1,low,2026-01-02T03:04:05", "routed_at has no zone"),
        ('"' + "x" * 140_000, "it is no CSV: field larger than field limit"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path: Path, row: str, says: str) -> None:
    with pytest.raises(UnreadableExportError, match=says):
        read_cases(written(tmp_path, HEAD + row + "\n"))


@pytest.mark.parametrize("text", ["[]", "{", '{"cases": 3}', '{"cases": [3]}'])
def test_json_of_another_shape(tmp_path: Path, text: str) -> None:
    with pytest.raises(UnreadableExportError):
        read_cases(written(tmp_path, text, "cases.json"))


def test_reviewers_and_doubled_answers(tmp_path: Path) -> None:
    document = {
        "reviewers": [{"reviewer": "p1", "assisted": 40, "assisted_agreed": 30}],
        "answers": [["approve", "decline"], ["approve", "approve"]],
        # 150 words cannot be read in less than half a minute.
        "timings": [{"reviewer": "p1", "words": 150, "seconds": seconds} for seconds in (29.9, 30.0, 300)],
    }
    (one,), answers = read_reviews(written(tmp_path, json.dumps(document), "desk.json"))
    assert (one.reviewer, one.assisted_agreed, one.blind) == ("p1", 30, 0)
    assert (one.too_fast, one.timed) == (1, 3)
    assert answers == [("approve", "decline"), ("approve", "approve")]
    csv = written(tmp_path, "reviewer,caught,seeded\np1,3,2\n", "desk.csv")
    with pytest.raises(UnreadableExportError, match="line 2: p1: 3 of 2 is not a count"):
        read_reviews(csv)
    with pytest.raises(UnreadableExportError, match="reviewer is missing"):
        read_reviews(written(tmp_path, "reviewer,caught\n,1\n", "desk.csv"))


DESK = {"reviewer": "p1", "assisted": 40, "assisted_agreed": 30, "blind": 40, "blind_agreed": 20}


@pytest.mark.parametrize(
    ("members", "says"),
    [
        ({"reviewers": [{**DESK, "assisted": [1]}]}, r"reviewers\[0\]"),
        ({"reviewers": [{**DESK, "assisted": 1e999}]}, r"reviewers\[0\]"),
        ({"reviewers": 5}, "'reviewers' must be a list of objects"),
        ({"reviewers": [DESK], "timings": 5}, "'timings' must be a list of objects"),
        ({"reviewers": [DESK], "timings": ["x"]}, "'timings' must be a list of objects"),
        ({"reviewers": [DESK], "timings": [{"words": 1e999, "seconds": 3}]}, r"timings\[0\]: words and seconds"),
        ({"reviewers": [DESK], "answers": [1, 2]}, "'answers' must be a list of lists"),
    ],
)
def test_reviewers_in_another_shape_are_named(tmp_path: Path, members: dict[str, object], says: str) -> None:
    path = tmp_path / "desk.json"
    path.write_text(json.dumps(members), encoding="utf-8")
    with pytest.raises(UnreadableExportError, match=says):
        read_reviews(path)


def test_a_file_that_is_nested_without_end_is_named(tmp_path: Path) -> None:
    path = tmp_path / "deep.json"
    path.write_text("[" * 100_000, encoding="utf-8")
    with pytest.raises(UnreadableExportError, match="nested too deeply"):
        read_cases(path)

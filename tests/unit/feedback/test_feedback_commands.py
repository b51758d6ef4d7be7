"""countersign feedback certify, plan and reviewers, from files: what is printed and how they end."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import Result

from countersign_local.cli.feedback import app
from countersign_local.errors import CommandError
from tests.fixtures.commands import Runner

COLUMNS = (
    "decision_type",
    "tier",
    "model_version",
    "case_id",
    "confidence",
    "error",
    "probability",
    "routed_at",
    "judged_at",
)


def run(*arguments: str) -> Result:
    return Runner().invoke(app, arguments)


def export(path: Path, *, wrong: int = 3, versions: tuple[str, ...] = ("3",)) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for n in range(800):
            routed = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=n)
            label = n % 2 == 0
            writer.writerow(
                ["refund", "low", versions[n // 2 % len(versions)], f"c{n}", 0.8 + n / 4_010,
                 int(n < 2 * wrong) if label else "", 0.5 if label else "", routed.isoformat(),
                 (routed + timedelta(hours=3)).isoformat() if label else ""]
            )  # fmt: skip
    return path


def test_a_certificate_from_a_file(tmp_path: Path) -> None:
    picture = tmp_path / "risk.svg"
    done = run("certify", str(export(tmp_path / "c.csv")), "--alpha", "0.05", "--picture", str(picture))
    assert done.exit_code == 0
    assert "With confidence 0.95, at most 5 % of the cases with a confidence of" in done.output
    assert "coverage" in done.output
    assert "Error of all cases that would be automated" in done.output
    assert picture.read_text(encoding="utf-8").startswith("<svg")


def test_json_is_the_whole_assessment(tmp_path: Path) -> None:
    done = run("certify", str(export(tmp_path / "c.csv")), "--alpha", "0.05", "--watch", "0.9", "--json")
    (one,) = json.loads(done.stdout)["assessments"]
    assert one["outcome"]["threshold"] < 0.9
    assert one["labels"] == 400
    assert one["watch"]["tripped"] is False
    assert len(one["outcome"]["steps"]) == len(one["curve"]) == 41


def test_no_certificate_says_why_and_ends_with_1(tmp_path: Path) -> None:
    done = run("certify", str(export(tmp_path / "c.csv", wrong=200)), "--alpha", "0.02")
    assert done.exit_code == 1
    assert "No threshold keeps at most 2 % wrong" in done.output


def test_each_population_by_itself(tmp_path: Path) -> None:
    picture = tmp_path / "risk.svg"
    path = export(tmp_path / "c.csv", versions=("3", "4"))
    done = run("certify", str(path), "--alpha", "0.05", "--attempt", "1", "--picture", str(picture))
    assert done.output.count("With confidence 0.975") == 2
    assert (tmp_path / "risk-2.svg").exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("certify", "{missing}"), "No such file"),
        (("certify", "{bad}"), "case_id is missing"),
        (("certify", "{empty}"), "holds no case"),
        (("certify", "{good}", "--alpha", "2"), "alpha must lie strictly between"),
        (("certify", "{good}", "--floor", "0.9"), "below the floor"),
        (("certify", "{good}", "--alpha", "5e-324"), "no number of labels proves that"),
        (("certify",), "Say which decisions"),
        (("plan", "--traffic", "100", "--alpha", "0"), "alpha must lie strictly between"),
        (("reviewers", "{bad}"), "reviewer is missing"),
        (("reviewers", "{desk}", "--person", "p0"), "not about persons"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(tmp_path: Path, arguments: tuple[str, ...], says: str) -> None:
    files = {
        "missing": tmp_path / "missing.csv", "bad": tmp_path / "bad.csv", "empty": tmp_path / "empty.csv",
        "good": export(tmp_path / "good.csv"), "desk": desk(tmp_path / "desk.json"),
    }  # fmt: skip
    files["bad"].write_text("case_id,confidence,reviewer\n,0.9,\n", encoding="utf-8")
    files["empty"].write_text("case_id,confidence\n", encoding="utf-8")
    done = run(*(argument.format(**files) for argument in arguments))
    assert isinstance(done.exception, CommandError)
    assert says in str(done.exception)


@pytest.mark.parametrize("option", [("--attempt", "0"), ("--attempt", "9" * 400), ("--watch", "3")])
def test_numbers_that_cannot_be_meant_are_usage_errors(tmp_path: Path, option: tuple[str, str]) -> None:
    done = run("certify", str(export(tmp_path / "good.csv")), *option)
    assert done.exit_code == 2
    assert option[0] in done.output


def test_a_signal_that_there_is_not_is_a_usage_error_that_names_it(tmp_path: Path) -> None:
    done = run("reviewers", str(desk(tmp_path / "desk.json")), "--signals", "everything")
    assert done.exit_code == 2
    assert "everything" in done.output


def desk(path: Path) -> Path:
    honest = {"assisted_agreed": 370, "assisted": 400, "blind_agreed": 90, "blind": 100, "caught": 17, "seeded": 20}
    stamp = {"assisted_agreed": 399, "assisted": 400, "blind_agreed": 85, "blind": 100, "caught": 1, "seeded": 20}
    people = [{"reviewer": "p0", **stamp}] + [{"reviewer": f"p{n}", **honest} for n in range(1, 6)]
    answers = [["approve", "approve"], ["approve", "decline"], ["decline", "decline"]]
    path.write_text(json.dumps({"reviewers": people, "answers": answers}), encoding="utf-8")
    return path


def test_reviewers_as_a_team_and_one_with_a_purpose(tmp_path: Path) -> None:
    file = str(desk(tmp_path / "desk.json"))
    team = run("reviewers", file)
    assert team.exit_code == 0
    assert "1 of 6 reviewers" in team.output
    assert "Krippendorff" in team.output
    assert "p0" not in team.output
    opened = run("reviewers", file, "--signals", "pseudonymous", "--person", "p0", "--purpose", "coaching")
    assert "p0: Worth a talk, and no more than that" in opened.output


def test_a_plan_and_none() -> None:
    made = run("plan", "--traffic", "200", "--label-share", "0.25")
    assert made.exit_code == 0
    assert made.output.startswith("4,172 blind labels"), "what was asked for comes first"
    never = run("plan", "--traffic", "20", "--alpha", "0.0001")
    assert never.exit_code == 1
    assert "cannot be certified with this traffic" in never.output
    assert json.loads(run("plan", "--traffic", "200", "--json").stdout)["least_labels"] == 149

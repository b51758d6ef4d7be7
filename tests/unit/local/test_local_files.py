"""A file that a command cannot read or write ends every command alike."""

from pathlib import Path

import pytest

from countersign_local.cli.ending import ended_by
from countersign_local.errors import CONFIGURATION, IO, NO_INPUT, NOT_RIGHT
from tests.fixtures.commands import program

READERS = {
    "submit": ["submit", "FILE"],
    "policy check": ["policy", "check", "FILE"],
    "policy test": ["policy", "test", "FILE"],
    "policy diff": ["policy", "diff", "FILE", "FILE"],
    "policy draw": ["policy", "draw", "FILE", "--out", "drawn.svg"],
    "policy replay": ["policy", "replay", "FILE"],
    "policy replay --labels": ["policy", "replay", "good.txt", "--labels", "FILE"],
    "policy publish": ["policy", "publish", "FILE", "--reason", "why"],
    "policy explain": ["policy", "explain", "FILE"],
    "feedback certify": ["feedback", "certify", "FILE"],
    "feedback reviewers": ["feedback", "reviewers", "FILE"],
    "audit verify --old": ["audit", "verify", "--old", "FILE"],
}  # fmt: skip
WRITERS = {
    "policy draw": ["policy", "draw", "good.txt", "--out", "FILE"],
    "policy replay --picture": ["policy", "replay", "good.txt", "--picture", "FILE"],
    "policy matrix --picture": ["policy", "matrix", "refund", "--picture", "FILE"],
    "feedback report --picture": ["feedback", "report", "--picture", "FILE"],
    "feedback look-back": ["feedback", "look-back", "refund", "low", "--output", "FILE"],
    "audit prove": ["audit", "prove", "c-1", "--output", "FILE"],
    "audit subject": ["audit", "subject", "s-1", "--output", "FILE"],
    "models train": ["models", "train", "loan_application", "--out", "FILE"],
}


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COUNTERSIGN_STATE_DIR", str(tmp_path / "state"))
    # Nobody listens there: whoever came so far as to ask would end with 69.
    monkeypatch.setenv("COUNTERSIGN_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("COUNTERSIGN_API_KEY", "cs_local_a_b")
    monkeypatch.setenv("DATABASE_URL", "postgresql://127.0.0.1:1/none")
    (tmp_path / "good.txt").write_text("good: yes\n", encoding="utf-8")
    (tmp_path / "directory").mkdir()
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "empty").touch()


def ended(arguments: list[str], file: str) -> int:
    given = [file if word == "FILE" else word for word in arguments]
    try:
        return ended_by(lambda: program()(given))
    except SystemExit as ending:
        return int(ending.code or 0)


@pytest.mark.parametrize("file", ["nowhere", "directory"])
@pytest.mark.parametrize("arguments", READERS.values(), ids=READERS)
def test_a_file_that_cannot_be_read_is_told_by_one_code(
    arguments: list[str], file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ended(arguments, file) == NO_INPUT
    said = capsys.readouterr()
    assert f"{file}: error: cannot be read" in said.out or f"{file} cannot be read: " in said.err


@pytest.mark.parametrize("file", ["bytes", "empty"])
@pytest.mark.parametrize(
    "arguments",
    [READERS[name] for name in ("submit", "policy check", "policy test", "policy diff", "policy draw",
                                "policy explain", "feedback certify", "feedback reviewers")],
)  # fmt: skip
def test_a_file_that_does_not_hold_what_it_should_is_told_by_another(arguments: list[str], file: str) -> None:
    assert ended(arguments, file) == NOT_RIGHT


@pytest.mark.parametrize("file", ["directory", "nowhere/file"])
@pytest.mark.parametrize("arguments", WRITERS.values(), ids=WRITERS)
def test_a_file_that_cannot_be_written_is_told_before_anything_is_asked(
    arguments: list[str], file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if arguments[0] == "models":
        file = "good.txt"
    assert ended(arguments, file) == IO
    assert f"{file} cannot be " in capsys.readouterr().err


def test_a_directory_without_policies_is_no_good_news(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("POLICIES_DIR", "directory")
    assert ended(["policy", "check"], "") == CONFIGURATION
    assert "POLICIES_DIR is directory, and holds no policy" in capsys.readouterr().err

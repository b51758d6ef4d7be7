"""What a command says when it cannot do what it was asked, and the code it ends with."""

import io
import sys
from typing import Any

import pytest
from typer.testing import CliRunner

from countersign_local.cli.commands import build
from countersign_local.cli.ending import ended_by, exit_code
from countersign_local.cli.output import print_table, print_text
from countersign_local.client import step
from countersign_local.dead_letters import Letter, find
from countersign_local.errors import CONFIGURATION, EXIT_CODES, IO, UNAVAILABLE, USAGE, CommandError
from countersign_shared.errors import ConfigurationError
from countersign_shared.messaging.records import Record

USERS = ["users", "list"]


def ended(arguments: list[str]) -> int:
    return ended_by(lambda: build()(arguments, standalone_mode=False))


@pytest.fixture(autouse=True)
def _nothing_runs_here(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COUNTERSIGN_STATE_DIR", str(tmp_path))
    for name in ("COUNTERSIGN_URL", "COUNTERSIGN_API_KEY", "DATABASE_URL", "KAFKA_BOOTSTRAP_SERVERS"):
        monkeypatch.delenv(name, raising=False)


def test_where_nothing_runs_the_next_step_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert ended(USERS) == UNAVAILABLE
    assert "start `countersign demo`, or set COUNTERSIGN_URL" in capsys.readouterr().err


@pytest.mark.parametrize("url", ["127.0.0.1:8100", "nonsense", "ftp://host", "http:///path"])
def test_an_address_that_is_none_is_named_as_that(
    url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COUNTERSIGN_URL", url)
    monkeypatch.setenv("COUNTERSIGN_API_KEY", "cs_local_a_b")

    assert ended(USERS) == CONFIGURATION
    assert "begins with http:// or https://" in capsys.readouterr().err


@pytest.mark.parametrize("key", ["schlüssel", "two\nlines", " "])
def test_a_key_that_can_be_none_is_never_sent(
    key: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COUNTERSIGN_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("COUNTERSIGN_API_KEY", key)

    assert ended(USERS) == CONFIGURATION
    assert "COUNTERSIGN_API_KEY is no API key" in capsys.readouterr().err


def test_a_file_that_cannot_be_written_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    def fails() -> None:
        raise FileNotFoundError(2, "No such file or directory", "/nowhere/figures.svg")

    assert ended_by(fails) == IO
    assert capsys.readouterr().err == "countersign: /nowhere/figures.svg: No such file or directory\n"


def test_a_server_that_is_down_is_another_code_than_a_setting_that_is_wrong() -> None:
    down = ConfigurationError("PostgreSQL refused")
    down.__cause__ = ConnectionRefusedError(111, "Connect call failed")

    assert exit_code(down) == UNAVAILABLE
    assert exit_code(ConfigurationError("no such directory")) == CONFIGURATION


@pytest.mark.parametrize("name", ["", ".", "..", "a/b"])
def test_a_name_never_leads_to_another_place(name: str) -> None:
    with pytest.raises(CommandError) as refused:
        step(name, "username")

    assert refused.value.exit_code == USAGE


def test_no_dead_letter_is_meant_by_no_id() -> None:
    letter = Letter("0a1b2c3d4e5f", Record("case.created", 0, 0, 0, b"k", b"", ()), None)

    assert find([letter], "0a1b") is letter
    with pytest.raises(CommandError):
        find([letter], "")


def test_a_terminal_without_unicode_is_shown_the_nearest(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(shown, encoding="ascii", write_through=True))

    assert ended_by(lambda: print_text("  ▲ Zürich")) == 0
    assert shown.getvalue() == b"  ^ Z\\xfcrich\n"


def test_yes_and_no_are_words(capsys: pytest.CaptureFixture[str]) -> None:
    print_table([{"included": True}, {"included": False}], ("included",))

    assert capsys.readouterr().out.split() == ["included", "yes", "no"]


def test_help_names_every_exit_code_and_where_it_looks() -> None:
    told = CliRunner().invoke(build(), ["--help"]).output

    assert all(f"{code}  {meaning.split(':')[0]}" in told for code, meaning in EXIT_CODES.items())
    assert all(name in told for name in ("COUNTERSIGN_URL", "COUNTERSIGN_API_KEY", "DATABASE_URL"))


def test_the_version_is_told() -> None:
    told = CliRunner().invoke(build(), ["--version"])

    assert (told.exit_code, told.output.split()[0]) == (0, "countersign")

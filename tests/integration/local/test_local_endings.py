"""What a command says when it cannot do what it was asked, and the code it ends with."""

import io
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from countersign_inference.registry import PACKAGED_MODELS
from countersign_local.cli.connection import api_key, system_url
from countersign_local.cli.ending import ended_by, exit_code
from countersign_local.cli.output import print_table, print_text
from countersign_local.client import step
from countersign_local.dead_letters import Letter, find
from countersign_local.errors import (
    CONFIGURATION,
    EXIT_CODES,
    INTERRUPTED,
    IO,
    NO_INPUT,
    NOT_RIGHT,
    UNAVAILABLE,
    USAGE,
    CommandError,
)
from countersign_local.state import Running, announced
from countersign_shared.errors import ConfigurationError
from countersign_shared.messaging.records import Record
from countersign_shared.postgres.away import unusable
from tests.fixtures.commands import Runner, program, whole

USERS = ["users", "list"]
HEARING = """
import signal
from countersign_local.cli import main

signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where tests run in the background
main()
"""


def ended(arguments: list[str]) -> int:
    return ended_by(lambda: program()(arguments, standalone_mode=False))


@pytest.fixture(autouse=True)
def _nothing_runs_here(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COUNTERSIGN_STATE_DIR", str(tmp_path))
    for name in ("COUNTERSIGN_URL", "COUNTERSIGN_API_KEY", "DATABASE_URL", "KAFKA_BOOTSTRAP_SERVERS"):
        monkeypatch.delenv(name, raising=False)


def test_where_nothing_runs_the_next_step_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert ended(USERS) == UNAVAILABLE
    assert "start `countersign demo`, or set COUNTERSIGN_URL" in capsys.readouterr().err


BEGINS = "it begins with http:// or https://."


@pytest.mark.parametrize(("url", "why"), [
    *((url, BEGINS) for url in ("127.0.0.1:8100", "nonsense", "ftp://host", "http:///path")),
    *((url, "") for url in ("http://127.0.0.1:port", "https://xn--", os.fsdecode("http://ü_".encode()))),
])  # fmt: skip
def test_an_address_that_is_none_or_that_nobody_can_have_is_named(
    url: str, why: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COUNTERSIGN_URL", url)
    monkeypatch.setenv("COUNTERSIGN_API_KEY", "cs_local_a_b")

    assert ended(USERS) == CONFIGURATION
    assert capsys.readouterr().err.startswith(f"countersign: COUNTERSIGN_URL is {url!r}: {why}")


@pytest.mark.parametrize("key", [os.fsdecode("schlüssel".encode()), "two\nlines", " "])
def test_a_key_that_can_be_none_is_never_sent(
    key: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COUNTERSIGN_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("COUNTERSIGN_API_KEY", key)

    assert ended(USERS) == CONFIGURATION
    assert "COUNTERSIGN_API_KEY is no API key" in capsys.readouterr().err


def test_the_key_of_this_machines_system_is_sent_to_no_other(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    local = Running(os.getpid(), "http://127.0.0.1:1", "cs_local_a_b", "unused", "unused", "mock")
    with announced(tmp_path, local):
        monkeypatch.setenv("COUNTERSIGN_URL", "http://127.0.0.1:2")
        assert ended(USERS) == CONFIGURATION
        assert "COUNTERSIGN_API_KEY is not set" in capsys.readouterr().err
        monkeypatch.setenv("COUNTERSIGN_URL", f"{local.url}/")
        assert api_key(system_url()) == local.api_key


@pytest.mark.parametrize("left", ["", "{", "[]", '{"pid": 1}', '{"pid": "x"}'])
def test_what_a_crash_left_of_the_note_that_something_runs_says_nothing(
    left: str, tmp_path: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "running.json").write_text(left, encoding="utf-8")
    assert ended(USERS) == UNAVAILABLE
    assert "Nothing runs here" in capsys.readouterr().err


def test_no_message_steers_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert ended(["controls", "history", "\x1b[2Jstop"]) == USAGE
    assert ended(["submit", "\x1b]0;title\x07"]) == NO_INPUT
    said = capsys.readouterr().err
    assert "\\x1b[2Jstop" in said
    assert not {"\x1b", "\x07"} & set(said)


def test_a_file_that_cannot_be_written_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    def fails() -> None:
        raise FileNotFoundError(2, "No such file or directory", "/nowhere/figures.svg")

    assert ended_by(fails) == IO
    assert capsys.readouterr().err == "countersign: /nowhere/figures.svg: No such file or directory\n"


@pytest.mark.parametrize(
    "arguments",
    [["audit", "subject", "\udcff"], ["controls", "end-peak", "--reason", "\udcff"], ["audit", "timeline", "\udcff"]],
)
def test_bytes_of_a_command_line_that_are_no_text_are_said(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COUNTERSIGN_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("COUNTERSIGN_API_KEY", "cs_local_a_b")

    assert ended(arguments) == USAGE
    said = capsys.readouterr().err
    assert said.startswith("countersign: '\\udcff' is no ")
    assert said.count("\n") == 1


def test_a_server_that_is_down_is_another_code_than_a_setting_that_is_wrong() -> None:
    down = unusable(ConnectionRefusedError(111, "Connect call failed"))
    assert exit_code(down) == UNAVAILABLE
    assert exit_code(ConfigurationError("no such directory")) == CONFIGURATION


@pytest.mark.parametrize("name", ["", ".", "..", "a/b"])
def test_a_name_never_leads_to_another_place(name: str) -> None:
    with pytest.raises(CommandError) as refused:
        step(name, "username")

    assert refused.value.exit_code == USAGE


def test_ctrl_c_while_a_command_is_still_starting_is_an_interruption_too() -> None:
    # The libraries of the command line take most of its start: whoever interrupts it then, does so while they load.
    started = """
import sys
from importlib.abc import MetaPathFinder
from countersign_local.cli import main

class Interrupted(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == "typer":
            raise KeyboardInterrupt

sys.meta_path.insert(0, Interrupted())
main()
"""
    done = subprocess.run([sys.executable, "-c", started, *USERS], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (INTERRUPTED, "")


def test_ctrl_c_at_a_question_is_an_interruption_and_changes_nothing() -> None:
    ours, theirs = os.openpty()
    command = [sys.executable, "-c", HEARING, "audit", "erase", "--case", "c-1", "--basis", "GDPR 17"]
    asked = subprocess.Popen(command, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert asked.stdout is not None
        while asked.stdout.read(1) != "?":
            assert asked.poll() is None
        asked.send_signal(signal.SIGINT)
        _, told = asked.communicate(timeout=20)
    finally:
        asked.kill()
        os.close(ours)
        os.close(theirs)

    assert (asked.returncode, told.strip()) == (INTERRUPTED, "countersign: interrupted. Nothing was changed.")


@pytest.mark.parametrize("said", ["n\n", ""])
def test_no_and_the_end_of_the_input_change_nothing(
    said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdin", Terminal(said))
    assert ended(["audit", "erase", "--case", "c-1", "--basis", "GDPR 17"]) == NOT_RIGHT
    assert capsys.readouterr().err.strip() == "countersign: Nothing was changed."


@pytest.mark.parametrize("lasts", ["999999999h", "-1h", "3", "", "3x"])
def test_a_time_that_no_peak_can_last_is_named(lasts: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert ended(["controls", "peak", "--for", lasts, "--reason", "sale"]) == USAGE
    assert "such as 3h" in capsys.readouterr().err


@pytest.mark.parametrize("beside", [["--reason", "it is over"], ["--tenant", "north"], ["--decision-type", "refund"]])
def test_a_confirmation_takes_a_request_as_it_was_asked(beside: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    # Whoever narrows what they confirm must not let go on more than they meant.
    assert ended(["stop", "off", "--confirm", "5068f103-3022-4f69-beef-f31c15839ade", *beside]) == USAGE
    assert "--confirm" in capsys.readouterr().err


def test_whoever_cannot_be_asked_is_told_of_yes(capsys: pytest.CaptureFixture[str]) -> None:
    assert ended(["audit", "erase", "--case", "c-1", "--basis", "GDPR 17"]) == USAGE
    assert "give --yes" in capsys.readouterr().err


def test_a_second_live_model_is_said_where_models_are_listed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("loan_application", "loan_application_2"):
        shutil.copy(PACKAGED_MODELS / "loan_application.yaml", tmp_path / f"{name}.yaml")

    assert ended(["models", "list", "--models", str(tmp_path)]) == CONFIGURATION
    told = capsys.readouterr()
    assert "loan_application-logistic" in told.out
    assert "more than one live model for loan_application (loan_application.yaml, loan_application_2.yaml)" in told.err


def test_no_dead_letter_is_meant_by_no_id() -> None:
    letter = Letter("0a1b2c3d4e5f", Record("case.created", 0, 0, 0, b"k", b"", ()), None)

    assert find([letter], "0a1b") is letter
    with pytest.raises(CommandError):
        find([letter], "")


@pytest.mark.parametrize("printing", [["--version"], ["policy", "check"], ["models", "list", "--json"]])
@pytest.mark.parametrize("reader", ["gone", "full"])
def test_output_that_nobody_takes_is_not_told_as_something_wrong(printing: list[str], reader: str) -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    full = os.open("/dev/full", os.O_WRONLY)
    command = [sys.executable, "-c", HEARING, *printing]
    try:
        done = subprocess.run(
            command, stdout=theirs if reader == "gone" else full, stderr=subprocess.PIPE, text=True, check=False
        )
    finally:
        os.close(theirs)
        os.close(full)

    said = {"gone": "", "full": "countersign: No space left on device\n"}[reader]
    assert (done.returncode, done.stderr) == (IO, said)


@pytest.mark.parametrize("missing", [0, 1, 2])
@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["submit", "-"], NOT_RIGHT, "-: "),
        (["audit", "erase", "--case", "c-1", "--basis", "GDPR 17"], USAGE, "There is nobody to ask here: "),
        (["users", "list"], UNAVAILABLE, "Nothing runs here: "),
    ],
)
def test_a_stream_that_is_closed_is_no_defect(arguments: list[str], code: int, said: str, missing: int) -> None:
    # As daemons and schedulers start programs.
    command = ["sh", "-c", f'exec "$@" {missing}<&-', "sh", sys.executable, "-c", HEARING, *arguments]
    done = subprocess.run(command, input="", capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr == "" if missing == 2 else done.stderr.startswith(f"countersign: {said}")


def test_a_terminal_without_unicode_is_shown_the_nearest(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(shown, encoding="ascii", write_through=True))

    assert ended_by(lambda: print_text("  ▲ Zürich")) == 0
    assert shown.getvalue() == b"  ^ Z\\xfcrich\n"


def test_yes_and_no_are_words(capsys: pytest.CaptureFixture[str]) -> None:
    print_table([{"included": True}, {"included": False}], ("included",))

    assert capsys.readouterr().out.split() == ["included", "yes", "no"]


def test_help_names_every_exit_code_and_where_it_looks() -> None:
    told = Runner().invoke(whole(), ["--help"]).output

    assert all(f"{code}  {meaning.split(':')[0]}" in told for code, meaning in EXIT_CODES.items())
    assert all(name in told for name in ("COUNTERSIGN_URL", "COUNTERSIGN_API_KEY", "DATABASE_URL"))


def test_the_version_is_told() -> None:
    told = Runner().invoke(whole(), ["--version"])

    assert (told.exit_code, told.output.split()[0]) == (0, "countersign")

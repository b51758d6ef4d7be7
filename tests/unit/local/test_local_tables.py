"""What tables look like on the terminals that people have."""

from __future__ import annotations

import re
from typing import Any

import pytest

from countersign_local.cli.output import print_line, print_table
from countersign_local.watching import Watched

PSEUDONYM = "u_63f5e8e548c0cc99"
CASE = "loan-" + "7" * 60
ROWS: list[dict[str, Any]] = [
    {"case_id": "loan-1", "since": "2026-11-30 00:20", "by": PSEUDONYM, "says": "a fire in the office of the north"},
    {"case_id": "loan-2", "since": "2026-12-01 00:20", "by": "router", "says": None},
]
COLUMNS = ("case_id", "since", "by", "says")


def shown(
    width: int, rows: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> list[str]:
    """Return the lines on a terminal of that width, without their colours."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", str(width))
    print_table(rows, COLUMNS)
    return [re.sub(r"\x1b\[[0-9;]*m", "", line).rstrip() for line in capsys.readouterr().out.splitlines()]


@pytest.mark.parametrize("width", [40, 60, 72, 80, 120])
def test_no_word_of_a_table_is_broken(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = shown(width, ROWS, monkeypatch, capsys)
    words = {word for line in lines for word in line.split()}
    assert {PSEUDONYM, "loan-1", "loan-2", "2026-11-30", "2026-12-01", "office", "north"} <= words
    assert max(map(len, lines)) <= width


def test_a_table_stays_a_table_as_long_as_its_words_find_room(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = shown(60, ROWS, monkeypatch, capsys)
    assert lines[0].split() == ["case", "id", "since", "by", "says"]
    assert lines[1].startswith("loan-1")


def test_where_there_is_no_room_each_row_is_a_list_of_its_fields(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert shown(40, ROWS, monkeypatch, capsys) == [
        "case id  loan-1",
        "since    2026-11-30 00:20",
        f"by       {PSEUDONYM}",
        "says     a fire in the office of the",
        "         north",
        "",
        "case id  loan-2",
        "since    2026-12-01 00:20",
        "by       router",
    ]


def test_an_id_that_is_longer_than_a_line_is_broken_by_the_terminal_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert f"case id  {CASE}" in shown(40, [{**ROWS[0], "case_id": CASE}], monkeypatch, capsys)


def test_what_is_piped_has_a_line_for_each_row_however_long(capsys: pytest.CaptureFixture[str]) -> None:
    print_table([{**ROWS[0], "says": "word " * 100}, ROWS[1]], COLUMNS)
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["case", "loan-1", "loan-2"]


def test_nothing_that_a_stranger_wrote_looks_like_another_row(capsys: pytest.CaptureFixture[str]) -> None:
    print_table([{"key": "loan-1\nloan-2"}], ("key",))
    print_line(Watched("case.created", 0, 0, "2026-11-30T00:20:00.000Z", {}, {"case_id": "loan-1\nloan-2"}).line())
    assert [line.startswith("loan-2") for line in capsys.readouterr().out.splitlines()] == [False] * 3

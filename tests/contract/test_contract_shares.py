"""A share is written alike wherever somebody reads it."""

import json

import pytest

from countersign_shared.shares import between, percent
from tests.e2e.console.parts import SOURCE

WRITTEN = json.loads((SOURCE / "src" / "insight" / "shares.json").read_text(encoding="utf-8"))
"""The console is held to the same list, by a test of its own."""


@pytest.mark.parametrize(("share", "text"), WRITTEN["shares"])
def test_reports_and_the_command_line_write_a_share_as_the_console_does(share: float, text: str) -> None:
    assert percent(share) == text


@pytest.mark.parametrize(("ends", "text"), WRITTEN["intervals"])
def test_and_an_interval(ends: list[float], text: str) -> None:
    assert between(*ends) == text

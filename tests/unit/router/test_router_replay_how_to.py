"""The how-to shows what the commands say, and pictures that the present code has drawn."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from countersign_router.language.document import PolicyDocument
from countersign_router.replaying.summing_up import LEAST_OF_PROTECTED
from countersign_router.replaying.tally import MOST_LISTED
from countersign_router.replaying.telling import counted
from countersign_router.showing.differences import differences
from countersign_router.showing.drawing import STYLE
from tests.unit.router.cases import document
from tests.unit.router.pictures import IMAGES

PAGE = (Path(__file__).parents[3] / "docs" / "how-to" / "replay-a-policy.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["policy-replay.svg", "policy-chart.svg"])
def test_the_pictures_are_of_the_present_code(name: str) -> None:
    text = (IMAGES / name).read_text(encoding="utf-8")
    ET.fromstring(text)
    assert STYLE in text, "draw it again: python -m tests.unit.router.pictures"
    assert f"../images/{name}" in PAGE


def test_the_differences_shown_are_what_is_said() -> None:
    old = {**document(), "version": 1}
    exceptions = [{**one, **({"when": "case.loan_to_value > 95.0"} if one["id"] == "thin-equity" else {})}
                  for one in old["exceptions"]]  # fmt: skip
    matrix = {**old["matrix"], "low": {**old["matrix"]["low"], "high": 1}}
    new = {**old, "version": 2, "bands": {"high": 0.93, "medium": 0.7}, "matrix": matrix, "exceptions": exceptions}
    found = differences(PolicyDocument.model_validate(old), PolicyDocument.model_validate(new))
    for one in found.differences:
        assert one.text in PAGE
    assert found.because in PAGE
    assert len(found.differences) == 3


def test_the_limits_named_are_those_of_the_code() -> None:
    assert f"up to {MOST_LISTED} listed cases" in PAGE
    assert f"{LEAST_OF_PROTECTED} cases are not shown" in PAGE.replace("\n", " ")


def test_one_case_is_not_called_cases() -> None:
    assert [counted(number) for number in (0, 1, 1_000)] == ["0 cases", "1 case", "1,000 cases"]

"""Pictures of a policy and of a replay: whole, readable without colour, safe to open, and complete."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest

from countersign_router.domain.controls import Controls
from countersign_router.replaying.evaluation import Replayer
from countersign_router.replaying.picture import draw as draw_replay
from countersign_router.replaying.report import ReplayReport
from countersign_router.replaying.summing_up import sum_up
from countersign_router.showing.flow_chart import draw as draw_chart
from tests.unit.router.cases import bent, scored, shipped
from tests.unit.router.replays import question, stored

SVG = "{http://www.w3.org/2000/svg}"


def report(count: int = 12) -> ReplayReport:
    cases = [stored(scored(f"c-{number}", confidence=(86 + number) / 100), shipped(), Controls())[0]
             for number in range(count)]  # fmt: skip
    draft = bent(version=9, bands={"high": 0.95, "medium": 0.88}, queues={"default": "loans"})
    asked = question(draft, shipped(), draft=True)
    return sum_up(Replayer(asked).replay(cases), draft.policy, draft=True, asked="last:12", originals=asked.originals)


def said(svg: str) -> str:
    root = ET.fromstring(svg)
    return "\n".join(one.text or "" for one in root.iter(f"{SVG}text"))


@pytest.mark.parametrize("svg", [draw_chart(shipped().document), draw_chart(shipped("refund").document),
                                 draw_replay(report()), draw_replay(report(0))])  # fmt: skip
def test_a_picture_is_whole_named_and_fetches_nothing(svg: str) -> None:
    root = ET.fromstring(svg)
    assert root.attrib["role"] == "img"
    assert root.find(f"{SVG}title").text
    assert len(root.find(f"{SVG}desc").text) > 40
    assert not re.findall(r"(?:href|src)=|@import|url\((?!#)|<script", svg)
    assert "prefers-color-scheme: dark" in svg
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    for one in root.iter():
        if one.tag in {f"{SVG}rect", f"{SVG}text"} and "x" in one.attrib and "y" in one.attrib:
            x, y = float(one.attrib["x"]), float(one.attrib["y"])
            assert 0 <= x <= width
            assert 0 <= y <= height
            assert x + float(one.attrib.get("width", 0)) <= width + 0.1
            assert y + float(one.attrib.get("height", 0)) <= height + 0.1


def test_no_class_is_without_a_style() -> None:
    svg = draw_chart(shipped().document) + draw_replay(report())
    used = {name for classes in re.findall(r'class="([^"]+)"', svg) for name in classes.split()}
    assert {name for name in used if f".{name}" not in svg} == set()


def test_the_chart_shows_every_rule_and_every_level() -> None:
    document = shipped().document
    drawn = said(draw_chart(document))
    for name in document.inputs:
        assert name in drawn
    for rule in (*document.adjust, *document.exceptions):
        assert rule.id[:12] in drawn
    for level in range(1, 6):
        assert f"L{level}" in drawn
    assert "decline: a person decides, however sure the AI is" in drawn
    spoken = ET.fromstring(draw_chart(document)).find(f"{SVG}desc").text
    assert "Exception heavy-obligations: when case.total_obligations_ratio > 38.0, level 4." in spoken


def test_a_hostile_policy_is_only_text() -> None:
    hostile = bent(
        owner="<script>alert(1)</script> & co", exceptions=[
            {"id": f"rule-{number}", "when": "case.loan_amount > usd(1) || '</text><script>' == \"&\"", "level": 5}
            for number in range(40)
        ],
    )  # fmt: skip
    drawn = said(draw_chart(hostile.document))
    assert "<script>alert(1)</script>" in drawn
    assert "40. rule-39" in drawn


def test_the_replay_shows_counts_before_and_after_with_their_signs() -> None:
    found = report()
    drawn = said(draw_replay(found))
    assert found.summary[0].split(":")[0] in drawn.replace("\n", " ")
    assert re.search(r"▲ \d+ L1 → L2", drawn)
    assert "loans" in drawn
    spoken = ET.fromstring(draw_replay(found)).find(f"{SVG}desc").text
    assert "From level 1 to 2: " in spoken


def test_a_report_survives_its_way_as_json() -> None:
    found = report()
    assert ReplayReport.model_validate_json(found.model_dump_json()) == found

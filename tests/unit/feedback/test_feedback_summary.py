"""The summary and its two faces for people, the table and the picture."""

from __future__ import annotations

import io
import re
from datetime import date
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter
from rich.console import Console

from countersign_feedback import report
from countersign_feedback.api import build_openapi
from countersign_feedback.domain.figures import Counts
from countersign_feedback.domain.picture import draw
from countersign_feedback.domain.summary import Row, Scope, Summary, errors_by_tier, overrides_by_type, summarise

MOMENT = "2026-01-02T03:04:05.000000Z"
SVG = "{http://www.w3.org/2000/svg}"


def loan(tier: str, band: str, level: int, counts: Counts, *reasons: str) -> Row:
    return Row("loan_application", tier, band, level, reasons or ("matrix",), "loan-approve 3", counts)


ROWS = [
    loan("low", "high", 2, Counts(cases=5000, automatic=5000, audits=512, audit_errors=5)),
    loan("low", "medium", 3, Counts(cases=800, assisted_agreed=600, assisted_overrode=110), "matrix", "new_customer"),
    loan("negligible", "high", 1, Counts(cases=300, automatic=300, audits=12)),
    Row("refund", "unknown", "unknown", 4, ("no_model",), "none", Counts(cases=120, no_proposal=80)),
]


def summary(rows: list[Row] = ROWS, *, unplaced: int = 0, scope: Scope | None = None) -> Summary:
    return summarise(rows, scope=scope or Scope(), unplaced=unplaced, generated_at=MOMENT)


def test_groups_add_up_and_come_in_the_order_of_the_matrix() -> None:
    loans, refunds = summary().decision_types
    assert loans.total.counts.cases == 6100
    assert [group.name for group in loans.tiers] == ["negligible", "low"]
    assert [group.name for group in loans.bands] == ["high", "medium"]
    assert [(cell.tier, cell.band) for cell in loans.cells] == [
        ("negligible", "high"), ("low", "high"), ("low", "medium")
    ]  # fmt: skip
    for groups in (loans.tiers, loans.bands, loans.levels, loans.models):
        assert sum((group.figures.counts for group in groups), Counts()) == loans.total.counts
    assert refunds.decision_type == "refund"


def test_a_case_counts_under_each_of_its_reasons() -> None:
    (loans, _) = summary().decision_types
    assert {group.name: group.figures.counts.cases for group in loans.reasons} == {"matrix": 6100, "new_customer": 800}


def test_gauges_see_what_the_summary_sees() -> None:
    assert errors_by_tier(ROWS)["low"].audit_error.k == 5
    assert errors_by_tier(ROWS)["negligible"].audit_error.rate is None
    assert overrides_by_type(ROWS)["loan_application"].override.rate == pytest.approx(110 / 710)


def test_many_decision_types_are_cut_and_it_says_so() -> None:
    found = summary([Row(f"type-{n:03}", "low", "high", 2, ("m",), "m 1", Counts(cases=n)) for n in range(201)])
    assert len(found.decision_types) == 200
    assert found.truncated
    assert found.decision_types[0].decision_type == "type-200"


def test_the_table_reads_what_the_api_answers() -> None:
    answered = TypeAdapter(Summary).dump_python(summary(), mode="json")
    assert report.read_summary(answered) == summary()
    console = Console(width=150, record=True, file=io.StringIO())
    report.print_report(report.read_summary(answered), console)
    text = console.export_text()
    assert "1.0 % [0.3, 2.3] (5 of 512)" in text
    assert "not enough yet (12 of 30)" in text


def test_markup_in_a_reason_is_shown_and_not_obeyed() -> None:
    console = Console(width=150, record=True, file=io.StringIO())
    report.print_report(summary([loan("low", "high", 2, Counts(cases=1), "[red]x[/red]")]), console)
    assert "[red]x[/red]" in console.export_text()


def test_the_picture_stands_alone_and_explains_itself() -> None:
    drawn = draw(summary(unplaced=3))
    root = ET.fromstring(drawn)
    words = " ".join(root.itertext())
    assert root.get("role") == "img"
    assert root.findtext(f"{SVG}title") == "What was automated, and was it right?"
    assert "prefers-color-scheme: dark" in drawn
    assert "1.0 % [0.3, 2.3]: 5 of 512" in words
    assert "not enough yet: 12 of 30" in words
    assert "3 cases with a decision whose routing has not arrived yet" in words
    assert "it is not how often the model is wrong" in words
    # Nothing is fetched and nothing runs.
    assert not re.search(r"<script|href|url\((?!#)|@import|onload|<foreignObject", drawn)


def test_a_bound_that_is_not_zero_is_not_shown_as_zero() -> None:
    """None wrong of 10,000 audits leaves up to 0.04 % possible; 1 automatic of 100,000 is more than none."""
    counts = Counts(cases=100_000, automatic=1, audits=10_000, assisted_overrode=9_999, assisted_agreed=1)
    found = summary([loan("low", "high", 2, counts)])
    console = Console(width=200, record=True, file=io.StringIO())
    report.print_report(found, console)
    text, drawn = console.export_text(), draw(found)
    for shown in (text, drawn):
        assert "0 % [0, 0.04]" in shown
        assert "over 99.9 % [99.9, over 99.9]" in shown
        assert "under 0.01 %" in shown


def test_the_share_that_stands_for_all_decisions_is_shown_where_audits_were_drawn_unevenly() -> None:
    """Twenty audits of doubtful decisions drawn with 1 in 2, ten of them wrong; twenty of sure ones with 1 in 50."""
    weights = [(2_000_000, n < 10) for n in range(20)] + [(50_000_000, False)] * 20
    uneven = Counts(
        cases=2_000, automatic=2_000, audits=40, audit_errors=10, weight=sum(w for w, _ in weights),
        weight_squared=sum(w * w for w, _ in weights), error_weight=sum(w for w, error in weights if error),
    )  # fmt: skip
    found = summary([loan("low", "high", 2, uneven)])
    console = Console(width=150, record=True, file=io.StringIO())
    report.print_report(found, console)
    text, drawn = console.export_text(), draw(found)
    assert "25.0 % [12.7, 41.2] (10 of 40); weighted 1.9 %" in text
    assert "weighted 1.9 %" in drawn
    assert "counts each audit for as many decisions as it stands for" in " ".join(text.split())
    console = Console(width=150, record=True, file=io.StringIO())
    report.print_report(summary(), console)
    assert "); weighted" not in console.export_text()


def test_the_table_says_whose_cases_and_of_which_days_it_counts() -> None:
    scope = Scope(("acme",), "refund", date(2026, 1, 1), None)
    nothing = summarise([], scope=scope, unplaced=0, generated_at=MOMENT)
    console = Console(width=150, record=True, file=io.StringIO())
    report.print_report(nothing, console)
    text = console.export_text()
    assert "tenant acme; cases routed from 2026-01-01 to now; as of 2026-01-02 03:04 UTC" in text
    assert "No case was routed of decision type refund" in text
    assert "No cases yet" not in text


@pytest.mark.parametrize("width", [60, 80, 89])
def test_a_name_is_whole_on_a_narrow_terminal(width: int) -> None:
    long = "case_documents_incomplete_or_unreadable"
    console = Console(width=width, record=True, file=io.StringIO())
    report.print_report(summary([loan("low", "high", 2, Counts(cases=40, automatic=31), "matrix", long)]), console)
    text = console.export_text()
    assert f"reason {long}" in text
    assert max(map(len, text.splitlines())) <= width
    assert "77.5 % (31 of 40)" in text


def test_the_picture_of_nothing() -> None:
    assert "No cases yet" in draw(summary([]))


def test_what_counts_as_wrong_is_said() -> None:
    # Other terms of the same outcome are no error (review's `judgement`): nobody may read the share as if they were.
    console = Console(width=150, record=True, file=io.StringIO())
    found = summary([loan("low", "high", 2, Counts(cases=40, automatic=31, audits=31), "matrix")])
    report.print_report(found, console)
    said = "people, asked blind, would have chosen another outcome; other terms of the same outcome do not count."
    assert said in " ".join(console.export_text().split())
    assert said in draw(found)


def test_where_nothing_fits_what_was_asked_for_that_is_said() -> None:
    # Somebody who wrote a name with a slip must not believe that there is nothing.
    asked = summary([], scope=Scope(tenants=("north",), decision_type="refnud", since=date(2026, 3, 1)))
    console = Console(width=150, record=True, file=io.StringIO())
    report.print_report(asked, console)
    for shown in (draw(asked), console.export_text()):
        assert "No case was routed of decision type refnud, of tenant north, from 2026-03-01 on." in shown
        assert "No cases yet" not in shown


def test_marks_stay_on_their_tracks() -> None:
    rows = [
        loan(tier, "high", 2, Counts(cases=40, audits=40, audit_errors=k)) for tier, k in [("low", 40), ("high", 0)]
    ]
    root = ET.fromstring(draw(summary(rows)))
    width = float(str(root.get("width")))
    for circle in root.iter(f"{SVG}circle"):
        assert 0 <= float(str(circle.get("cx"))) <= width


@given(st.text(min_size=1, max_size=60))
def test_hostile_names_stay_text(name: str) -> None:
    row = Row(name, "low", "high", 2, (name,), name, Counts(cases=1))
    root = ET.fromstring(draw(summary([row])).encode("utf-8"))
    assert not list(root.iter(f"{SVG}script"))


def test_openapi_names_the_routes_and_needs_no_database() -> None:
    document = build_openapi()
    routes = (
        "summary", "summary.svg", "certificates/preview", "certificates/preview.svg", "plan", "calibration", "promises",
        "certificates", "certificates/{certificate_id}", "look-back", "look-back.csv", "reviewers", "reviewers/me",
        "reviewers/{reviewer}/open", "outcomes",
    )  # fmt: skip
    assert set(document["paths"]) == {f"/api/feedback/v1/{route}" for route in routes}
    assert "image/svg+xml" in document["paths"]["/api/feedback/v1/summary.svg"]["get"]["responses"]["200"]["content"]
    assert {"Summary", "Figures", "Proportion"} <= set(document["components"]["schemas"])

"""The console in a real browser on the whole system: an hour by keyboard alone, honest about what is recorded."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, expect

from countersign_inference.training.loanapp import applications
from countersign_shared.clock import rfc3339, system_clock
from tests.e2e.console.hour import SENT_SECONDS, Hour, told
from tests.e2e.console.parts import FAMOUS, SOURCE, Desk
from tests.e2e.console.seats import Seat, seat, skip_until

pytestmark = [pytest.mark.kafka, pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]

# Decided in underwriting before the hour goes on elsewhere: thirty in all.
ROUTINE = 23
# The application, by its row in the file, for which approval is proposed with medium confidence and little against it.
FAIRLY_SURE = 52
# What is given away, by which key, why, and what the desk says then.
ESCAPES = (
    ("refund-4", "x", "above what I may sign", "escalated"),
    ("refund-5", "q", "a neighbour", "given up for good"),
)
# Whether leaving the page is asked about in the very moment in which it says that the decision is recorded.
ASKED_WHEN_RECORDED = """
() => {
  const seen = {};
  const status = document.querySelector("footer [role=status]");
  new MutationObserver(() => {
    if (seen.asked !== undefined || !/: (recorded|sent)$/.test(status.textContent)) return;
    seen.asked = !window.dispatchEvent(new Event("beforeunload", { cancelable: true }));
  }).observe(status, { characterData: true, childList: true, subtree: true });
  return seen;
}
"""


def test_a_reviewers_hour(desk: Desk, browser: Browser, pictures: Path, album: Path | None) -> None:
    ada, bea = desk.person("ada"), desk.person("bea", "reviewer", "lead")
    with seat(browser) as first, seat(browser) as second:
        hour, other = Hour(desk, first, album=album), Hour(desk, second, album=album)
        hour.begin(ada)
        hour.override()
        hour.edit_terms()
        hour.take_back()
        while len(hour.decided) < ROUTINE or not hour.judged:
            hour.as_proposed()
        first.work_on("Refunds")
        hour.ask("refund-2")
        first.open_row("refund-3")
        hour.refund("refund-3", "40.00")
        for case_id, key, words, done in ESCAPES:
            first.open_row(case_id)
            first.set_aside(key, words)
            expect(first.page.get_by_text(f"{case_id}: {done}.")).to_be_visible()
        hour.look_at_what_is_named(pictures)
        hour.first_or_second_opinion()
        first.put_back()

        # What the first gave away is the second's, who sees nothing of the first's opinion.
        other.begin(bea)
        second.work_on("Refunds")
        for case_id, *_ in ESCAPES:
            second.open_row(case_id)
            other.refund(case_id)
        other.first_or_second_opinion()
        second.put_back()
        reversed_case, automatic = other.reverse_an_automatic_one()
        second.put_back()

    assert len(hour.decided) + len(hour.judged) + len(other.decided) + len({FAMOUS, reversed_case}) >= 30
    check_the_record(desk, hour, other, reversed_case, automatic)


def check_the_record(desk: Desk, hour: Hour, other: Hour, reversed_case: str, automatic: str) -> None:
    """Each case has exactly one decision that stands, by whom and with what was said at the desk."""
    made: dict[str, list[dict[str, Any]]] = {}
    for event in desk.everything("decision.made"):
        made.setdefault(event["case_id"], []).append(event)
    for one in (hour, other):
        wanted = {case_id: [fields] for case_id, fields in one.decided.items()}
        assert {case_id: [told(made[case_id][0], fields)] for case_id, [fields] in wanted.items()} == wanted
        by = {(len(made[case_id]), made[case_id][0]["deciders"][0]["pseudonym"]) for case_id in wanted}
        assert by == {(1, one.pseudonym)}
        assert all(made[case_id][0]["binding"]["shown_sha256"] for case_id in wanted)
    times = desk.read("activity.recorded", next(iter(hour.decided)), kind="review.timed")["body"]["times"]
    assert (times["active_seconds"] > 0, times["words_shown"] > 0) == (True, True)
    assert times["opened_at"] <= times["first_action_at"] <= times["decided_at"]
    for case_id, fields in hour.judged.items():
        [decision] = made[case_id]
        # It may have been a sample of what automation decided: a judgement, which looks the same at the desk.
        audited = decision["mode"] == "automatic"
        answers = desk.read("activity.recorded", case_id, kind="audit.judged")["body"]["answers"] if audited else None
        assert [(one["outcome"], one["blind"]) for one in answers or decision["deciders"]] == [tuple(fields.values())]
    [famous] = made[FAMOUS]
    assert {one["pseudonym"] for one in famous["deciders"]} == {hour.pseudonym, other.pseudonym}
    before, after = made[reversed_case]
    assert (before["decision_id"], before["mode"]) == (automatic, "automatic")
    assert (after["supersedes"], after["outcome"], after["mode"]) == (automatic, "decline", "human_with_ai")


def test_nothing_is_called_recorded_while_the_server_is_away(desk: Desk, browser: Browser) -> None:
    with seat(browser) as here:
        here.enter(desk.link("tony", "Tony Hoare"))
        here.choose_queue("underwriting")
        here.open_next()
        case_id = skip_until(here, "Approve")
        here.page.context.set_offline(True)
        here.press("a")
        here.expect_status(f"{case_id}, Approve: not recorded yet")
        expect(here.page.get_by_text("1 not recorded yet")).to_be_visible()
        expect(here.page.get_by_role("alert").filter(has_text="The server does not answer")).to_be_visible()
        leave = "() => !window.dispatchEvent(new Event('beforeunload', {cancelable: true}))"
        assert here.page.evaluate(leave), "the tab may be closed although a decision is pending"
        at_once = here.page.evaluate_handle(ASKED_WHEN_RECORDED)
        here.page.context.set_offline(False)
        here.expect_status(re.compile(f"{case_id}, Approve: (recorded|sent)"))
        expect(here.page.get_by_text(re.compile("^(connected|live)$"))).to_be_visible()
        assert not here.page.evaluate(leave)
        assert at_once.evaluate("(seen) => seen.asked") is False, "it still asks when it says that it is recorded"
    assert desk.decision_on(case_id)["outcome"] == "approve"


def test_the_second_of_two_windows_is_told_who_decided_what(desk: Desk, browser: Browser) -> None:
    with seat(browser) as first:
        first.enter(desk.link("donald", "Donald Knuth"))
        first.choose_queue("underwriting")
        first.open_next()
        case_id = skip_until(first, "Approve")
        first.expect_held()
        # Another browser of the same person, which the news does not reach: else it would not even try.
        elsewhere = browser.new_context(
            storage_state=first.page.context.storage_state(), viewport={"width": 1440, "height": 900}
        )
        elsewhere.route("**/api/review/v1/stream*", lambda route: route.abort())
        second = Seat(elsewhere.new_page())
        second.page.goto(desk.url)
        second.expect_case()
        assert second.case_id == case_id

        # What is put down in one is there in the other, and after a reload.
        first.press("n")
        first.type("called the branch")
        expect(first.page.get_by_text("Draft kept")).to_be_visible()
        second.page.reload()
        expect(second.page.get_by_label("Note", exact=True)).to_have_value("called the branch")
        second.expect_case()
        # Nor does it look whether the case is still its own, as it does every few seconds.
        elsewhere.route(re.compile("/claims/[^/]+$"), lambda _route: None)
        first.press("Escape", "a")
        first.expect_status(re.compile(f"{case_id}, Approve: (recorded|sent)"))
        second.press("d", "1", "Tab", "Space", "Enter")
        refusal = second.page.get_by_role("alert").filter(
            has_text=f"{case_id}: your \u201cDecline\u201d was not recorded"
        )
        expect(refusal).to_contain_text(re.compile("Donald Knuth answered this on .*: Approve"))
        assert second.complaints == []
        elsewhere.close()


def test_keys_stay_out_of_fields_and_away_from_modifiers(desk: Desk, browser: Browser) -> None:
    with seat(browser) as here:
        here.enter(desk.link("alan", "Alan Turing"))
        here.choose_queue("underwriting")
        here.open_next()
        case_id = here.case_id
        here.press("Control+a", "Alt+a", "Shift+A", "n")
        here.type("a d s z 1 2 ?")
        here.press("Escape", "?")
        expect(here.page.get_by_role("dialog")).to_be_visible()
        here.press("a", "1")
        here.page.get_by_role("switch").click()
        here.press("Escape")
        expect(here.page.get_by_role("dialog")).to_have_count(0)
        here.press("a", "s")
        here.page.wait_for_timeout(300)
        assert here.case_id == case_id
        expect(here.page.locator("footer")).not_to_contain_text("recorded")
        expect(here.page.get_by_label("Note", exact=True)).to_have_value("a d s z 1 2 ?")
        here.page.evaluate("localStorage.removeItem('countersign.keys')")


def test_a_link_signs_in_once_and_signing_out_ends_it(desk: Desk, browser: Browser) -> None:
    link = desk.link("leslie", "Leslie Lamport")
    with seat(browser) as here:
        here.enter(link)
        expect(here.page).to_have_url(f"{desk.url}/")
        here.page.get_by_role("button", name="Leslie Lamport").click()
        here.page.get_by_role("menuitem", name="At least a minute").click()
        expect(here.page.locator("[role=menuitem][aria-current=true]", has_text="At least a minute")).to_be_visible()
        here.page.get_by_role("menuitem", name="Sign out").click()
        expect(here.page.get_by_role("button", name="Sign in")).to_be_visible()
        here.page.goto(link)
        expect(here.page.get_by_role("alert")).to_contain_text("each signs in once")


def test_cases_are_found_by_words_and_filters_and_the_search_is_kept(desk: Desk, browser: Browser) -> None:
    with seat(browser) as here:
        here.enter(desk.link("radia", "Radia Perlman"))
        here.page.get_by_role("link", name="Cases").click()
        expect(here.cases_found).to_have_count(51)
        here.press("/")
        here.type("customer-7")
        # Words are indexed behind the intake.
        expect(here.cases_found).to_have_count(3, timeout=SENT_SECONDS * 1000)
        here.page.get_by_role("link", name="refund-1").click()
        expect(here.page.get_by_role("heading", name="Refund of \u20ac89.90 for order A-1")).to_be_focused()
        here.page.get_by_label("Pages").get_by_role("link", name="Cases").click()
        here.page.get_by_label("Decided by").select_option("automation")
        expect(here.page.get_by_role("cell", name="automation").first).to_be_visible()
        here.page.get_by_role("button", name="Keep this search").click()
        here.type("What ran by itself")
        here.press("Enter")
        kept = here.page.get_by_role("button", name="What ran by itself", exact=True)
        expect(kept).to_have_attribute("aria-pressed", "true")
        here.page.get_by_label("Decided by").select_option("person")
        kept.click()
        expect(here.page.get_by_label("Decided by")).to_have_value("automation")


def test_what_one_person_does_is_seen_by_another_without_a_reload(desk: Desk, browser: Browser) -> None:
    with seat(browser) as one, seat(browser) as other:
        other.enter(desk.link("hedy", "Hedy Lamarr"))
        other.choose_queue("underwriting")
        expect(other.page.get_by_text("live", exact=True)).to_be_visible()
        # Another tab of the same browser shares the stream; when the first one closes, it goes on by itself.
        tab = Seat(other.page.context.new_page())
        tab.page.goto(desk.url)
        expect(tab.page.get_by_text("live", exact=True)).to_be_visible()
        other.page.close()
        one.enter(desk.link("joan", "Joan Clarke"))
        one.choose_queue("underwriting")
        waiting = tab.page.locator("nav[aria-label=Queue]")
        expect(waiting.get_by_text(re.compile(r"\d+ for you"))).to_be_visible()
        before = waiting.get_by_text(re.compile(r"\d+ for you")).inner_text()
        one.open_next()
        # Polling would take as long as a minute here.
        expect(waiting.get_by_text(before)).to_have_count(0)


def _fairly_sure(beginning: str) -> Iterator[dict[str, Any]]:
    """Applications of medium confidence that are due before all others, more than are needed."""
    [application] = islice(applications(), FAIRLY_SURE - 1, FAIRLY_SURE)
    now = system_clock()
    for number in range(8):
        yield application.case_created(occurred_at=now) | {
            "case_id": f"{beginning}{number}", "subject_ref": f"applicant-{beginning}{number}",
            "deadline_at": rfc3339(now + timedelta(hours=20)),
        }  # fmt: skip


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_screen_is_accessible(desk: Desk, browser: Browser, pictures: Path, scheme: str) -> None:
    found = {}
    with seat(browser, color_scheme=scheme, reduced_motion="reduce") as here:
        here.page.goto(desk.url)
        expect(here.page.get_by_role("button", name="Sign in")).to_be_visible()
        found["sign in"] = here.serious_findings()
        here.enter(desk.link(f"barbara-{scheme}", "Barbara Liskov"))
        here.choose_queue("underwriting")
        brought = "loan-00091" if scheme == "light" else "loan-00092"
        desk.bring(*_fairly_sure(brought))
        # One in ten is drawn to be answered unseen; a draw may send another one to somebody else.
        rows = here.page.locator(f"nav[aria-label=Queue] button[title^='{brought}']")
        expect(rows.nth(4)).to_be_visible(timeout=SENT_SECONDS * 1000)
        expect(here.page.get_by_role("button", name="Open the next case")).to_be_visible()
        found["ready"] = here.serious_findings()
        here.open_next()
        first = skip_until(here, "Approve")
        here.press("a")
        here.expect_status(re.compile(f"{first}, Approve: (recorded|sent)"))
        here.expect_case(other_than=first)
        skip_until(here, "Approve", band="medium", most_flags=2)
        here.page.mouse.move(0, 0)
        here.page.screenshot(path=pictures / f"console-triage-{scheme}.png")
        found["triage"] = here.serious_findings()
        here.press("d", "1")
        found["decline"] = here.serious_findings()
        here.press("Escape", "e")
        expect(here.page.get_by_label("Loan amount (USD)")).to_be_focused()
        found["terms"] = here.serious_findings()
        here.press("Escape")
        here.page.evaluate("document.activeElement.blur()")
        here.press("?")
        expect(here.page.get_by_role("dialog")).to_be_visible()
        found["keys"] = here.serious_findings()
        here.press("Escape")
        here.expect_status("sent", seconds=SENT_SECONDS)
        here.page.goto(f"{desk.url}/cases")
        expect(here.cases_found.nth(1)).to_be_visible()
        found["cases"] = here.serious_findings()
        here.page.goto(f"{desk.url}/cases/default/{first}")
        expect(here.page.get_by_text("in the signed log")).to_be_visible(timeout=SENT_SECONDS * 1000)
        found["case"] = here.serious_findings()
        if scheme == "light":
            here.page.screenshot(path=pictures / "console-case.png")
    assert "\n".join(f"{screen}: {finding}" for screen, findings in found.items() for finding in findings) == ""


def test_a_single_approval_on_a_phone(desk: Desk, browser: Browser, pictures: Path) -> None:
    phone = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
    with seat(browser, **phone) as here:
        here.enter(desk.link("edith", "Edith Clarke"))
        here.choose_queue("underwriting")
        expect(here.page.locator("nav[aria-label=Queue] li").first).to_be_visible()
        here.page.screenshot(path=pictures / "console-queue-390.png")
        here.page.get_by_role("button", name="Open the next case").tap()
        here.expect_case()
        while here.proposed != "Approve":
            skipped = here.case_id
            here.page.get_by_role("button", name="Skip").tap()
            here.expect_case(other_than=skipped)
        width = here.page.evaluate("document.documentElement.scrollWidth")
        assert width == 390, "the page is wider than the phone"
        here.page.screenshot(path=pictures / "console-triage-390.png")
        assert here.serious_findings() == []
        case_id = here.case_id
        here.page.get_by_role("button", name="Approve").tap()
        here.expect_status(re.compile(f"{case_id}, Approve: (recorded|sent)"))
        here.expect_status("sent", seconds=SENT_SECONDS)
        fits_a_phone(here, similar_cases(here))
        here.page.screenshot(path=pictures / "console-similar-390.png")


def similar_cases(here: Seat) -> Locator:
    """Go on to a case that is like one which somebody has decided, and scroll to those."""
    similar = here.page.locator("section", has=here.page.get_by_role("heading", name="Similar decided cases"))
    # What was prepared before the first decision has none yet.
    for _ in range(5):
        here.expect_case()
        if similar.is_visible():
            break
        skipped = here.case_id
        here.page.get_by_role("button", name="Skip").tap()
        here.expect_case(other_than=skipped)
    similar.scroll_into_view_if_needed()
    return similar


def fits_a_phone(here: Seat, table: Locator) -> None:
    """Every cell of a table stands within the screen, and none is cut."""
    cells = table.get_by_role("cell").all()
    assert cells
    boxes = [cell.bounding_box() for cell in cells]
    assert all(box and box["x"] >= 0 and box["x"] + box["width"] <= 390 for box in boxes), boxes
    assert [cell.inner_text() for cell in cells if cell.evaluate("one => one.scrollWidth > one.clientWidth + 1")] == []
    assert here.page.evaluate("document.documentElement.scrollWidth") == 390


def test_the_consoles_own_unit_tests_pass() -> None:
    npm = shutil.which("npm")
    if npm is None or not (SOURCE / "node_modules").is_dir():
        pytest.skip("the console's tools are not installed: make console")
    done = subprocess.run([npm, "test", "--silent"], cwd=SOURCE, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]

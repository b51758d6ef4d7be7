"""What people do with each other at the desk: ask, escalate, recuse, second opinions, and opening a decision again."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.console.parts import FAMOUS, Desk
from tests.e2e.console.seats import Seat, seat, skip_until

pytestmark = [pytest.mark.kafka, pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(300)]

SENT_SECONDS = 20.0


def test_everything_but_deciding_by_keyboard_alone(desk: Desk, browser: Browser) -> None:
    with seat(browser) as here:
        here.enter(desk.link("ruth", "Ruth Teitelbaum"))
        here.choose_queue("underwriting")
        here.open_next()

        # Said and tagged: both stay with the case.
        case_id = skip_until(here, "Approve")
        here.press("t")
        here.type("second-home")
        here.press("Enter")
        expect(here.page.get_by_label("Remove second-home")).to_be_visible()
        here.press("Escape", "c")
        here.type("<img src=x onerror=alert(1)> asked the branch about d and a")
        here.press("Control+Enter")
        expect(here.page.get_by_label("Comments")).to_contain_text("<img src=x onerror=alert(1)> asked the branch")
        here.press("Escape")

        # Asked: the case waits aside, and comes back with the answer.
        here.press("i")
        here.type("Which of the two salaries is the applicant's?")
        here.press("Control+Enter")
        expect(here.page.get_by_text(f"{case_id}: asked; the case comes back with the answer.")).to_be_visible()
        here.expect_case(other_than=case_id)
        question = desk.read("activity.recorded", case_id, kind="review.information_requested")
        answer_question(desk, case_id, question)
        here.page.goto(f"{desk.url}/cases/default/{case_id}")
        expect(here.page.get_by_label("Remove second-home")).to_be_visible()
        here.page.goto(desk.url)

        # Escalated, and given up for good: the next case is there at once.
        here.expect_case()
        for key, words, done in (
            ("x", "above what I may sign", "escalated"),
            ("q", "a neighbour", "given up for good"),
        ):
            left = here.case_id
            here.press(key)
            here.type(words)
            here.press("Control+Enter")
            expect(here.page.get_by_text(f"{left}: {done}.")).to_be_visible()
            here.expect_case(other_than=left)


def answer_question(desk: Desk, case_id: str, question: dict[str, Any]) -> None:
    """Give the answer as upstream does."""
    desk.post(f"/cases/default/{case_id}/updates", {
        "kind": "information_provided",
        "body": {"question_id": question["body"]["question_id"], "data": {"answer": "the first one"}},
    })  # fmt: skip
    event = desk.read("activity.recorded", case_id, kind="review.information_provided")
    assert event["case_id"] == case_id


def picture_what_is_named(here: Seat, pictures: Path) -> None:
    """Look at the marked text in both schemes: what a post names is underlined, and said to who cannot see that."""
    marks = here.page.locator("mark")
    expect(marks).to_have_count(4)
    said = ["$50 (money)", "https://shop.example/cakes (url)", "lessons@shop.example (email)", "@bela (mention)"]
    assert marks.all_text_contents() == said
    for scheme in ("light", "dark"):
        here.page.emulate_media(color_scheme=scheme)
        here.page.screenshot(path=pictures / f"console-marked-{scheme}.png")
    assert here.serious_findings() == []
    here.page.emulate_media(color_scheme="light")


def test_two_people_decide_and_the_second_does_not_see_the_first(desk: Desk, browser: Browser, pictures: Path) -> None:
    with seat(browser) as first, seat(browser) as second:
        for here, name in ((first, "marlyn"), (second, "frances")):
            here.enter(desk.link(name, name.title()))
            here.choose_queue("moderation_senior")
            here.open_next()
            expect(here.page.get_by_text(f"case {FAMOUS}", exact=True)).to_be_visible()
            # Whoever answers second learns neither who was first nor what they said.
            expect(here.page.locator("main")).not_to_contain_text(re.compile("Marlyn|Opinion"))
            # One case in ten is drawn to be answered unseen: then what was found in the text is withheld, too.
            if here is first and not here.withheld:
                picture_what_is_named(here, pictures)
            here.press("1")
            if here.page.get_by_text("Still needed").count():
                here.press("1", "Enter")
            here.expect_status(re.compile(f"{FAMOUS}, .*: (recorded|sent|kept)"))
            confirm(here)
            here.expect_status(re.compile(f"{FAMOUS}, .*: (recorded|sent)"))
        second.expect_status(re.compile(f"{FAMOUS}, .*: sent"), seconds=SENT_SECONDS)
    assert len(desk.decision_on(FAMOUS)["deciders"]) == 2


def confirm(here: Seat) -> None:
    """Give the same answer again where the first one was given unseen."""
    if here.page.locator("footer").get_by_text("kept as your unseen answer").count():
        expect(here.page.get_by_text(re.compile("^You answered .* unseen"))).to_be_visible()
        here.press("1")


def test_an_automatic_decision_is_found_and_opened_again(desk: Desk, browser: Browser) -> None:
    with seat(browser) as here:
        here.enter(desk.link("kay", "Kay McNulty"))
        here.page.get_by_label("Pages").get_by_role("link", name="Cases").click()
        here.page.get_by_label("Decided by").select_option("automation")
        rows = here.page.get_by_role("row", name=re.compile("automation"))
        case_id = rows.first.get_by_role("link").inner_text()
        subject = desk.decision_on(case_id)["subject_ref"]
        here.page.get_by_label("Words, case id or subject").fill(subject)
        rows.get_by_role("link", name=case_id, exact=True).click(timeout=30_000)
        here.page.get_by_role("button", name="Open it again").click()
        here.type("the salary was misread")
        here.page.get_by_role("button", name="Put it on my desk").click()
        here.expect_case()
        expect(here.page.get_by_text(f"case {case_id}", exact=True)).to_be_visible()
        here.press("d", "1", "Tab", "Space", "Enter")
        here.expect_status(re.compile(f"{case_id}, Decline: (recorded|sent|kept)"))
        here.expect_status(f"{case_id}, Decline: sent", seconds=SENT_SECONDS)
    again = desk.read("decision.made", case_id, mode="human_with_ai")
    assert (again["outcome"], bool(again["supersedes"])) == ("decline", True)

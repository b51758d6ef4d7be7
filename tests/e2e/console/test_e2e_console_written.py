"""What somebody writes at the console stays with its case and theirs until it is sent."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Locator, Route, expect

from tests.e2e.console.parts import Desk, refund
from tests.e2e.console.seats import Seat, seat
from tests.fixtures.postgres import execute

pytestmark = [pytest.mark.kafka, pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]

COMMENTS = re.compile(r"/api/review/v1/cases/default/refund-[0-9]+/comments$")
LAPSE = """
UPDATE review.claims SET lease_expires_at = now() - interval '1 second'
WHERE state = 'held' AND review_id IN (SELECT review_id FROM review.reviews WHERE case_id = 'refund-asked')
"""


def comment(here: Seat) -> Locator:
    return here.page.get_by_role("textbox", name="Comment", exact=True)


def test_a_comment_that_is_being_written_stays_with_its_case(desk: Desk, browser: Browser) -> None:
    with seat(browser) as here:
        here.enter(desk.link("ada", "Ada Lovelace"))
        here.page.goto(f"{desk.url}/cases/default/refund-3")
        expect(here.page.get_by_role("heading", name="for order A-3")).to_be_focused()
        here.act("refund-4", re.compile("refund-4,"))
        expect(here.page.get_by_role("heading", name="for order A-4")).to_be_focused()
        here.page.go_back()
        expect(here.page.get_by_role("heading", name="for order A-3")).to_be_focused()
        comment(here).fill("the courier has it")
        # Both cases are at hand by now: the page goes from one to the other at once.
        here.page.go_forward()
        expect(here.page.get_by_role("heading", name="for order A-4")).to_be_focused()
        expect(comment(here)).to_have_value("")
        here.page.go_back()
        expect(here.page.get_by_role("heading", name="for order A-3")).to_be_focused()
        expect(comment(here)).to_have_value("the courier has it")
        comment(here).press("Control+Enter")
        expect(here.page.get_by_role("list", name="Comments")).to_contain_text("the courier has it")
        expect(comment(here)).to_have_value("")
        here.page.reload()
        expect(here.page.get_by_role("list", name="Comments")).to_contain_text("the courier has it")
        expect(comment(here)).to_have_value("")


def test_what_is_written_while_a_comment_is_on_its_way_is_not_lost(desk: Desk, browser: Browser) -> None:
    held: list[Route] = []

    def hold(route: Route) -> None:
        if route.request.method == "POST":
            held.append(route)
        else:
            route.continue_()

    with seat(browser) as here:
        here.enter(desk.link("ada", "Ada Lovelace"))
        here.page.goto(f"{desk.url}/cases/default/refund-11")
        here.page.route(COMMENTS, hold)
        comment(here).fill("asked the shop")
        with here.page.expect_request(COMMENTS):
            comment(here).press("Control+Enter")
        comment(here).fill("the shop called back")
        held[0].continue_()
        expect(here.page.get_by_role("list", name="Comments")).to_contain_text("asked the shop")
        expect(comment(here)).to_have_value("the shop called back")


def test_what_is_asked_is_there_again_after_escape_and_when_the_hold_ran_out(desk: Desk, browser: Browser) -> None:
    with seat(browser) as here:
        here.enter(desk.link("ada", "Ada Lovelace"))
        desk.bring(refund("refund-asked", "Q-1"))
        here.choose_queue("refunds")
        here.open_row("refund-asked")
        here.expect_held()
        question = here.page.get_by_role("textbox", name="Ask for information")
        here.press("i")
        here.type("which colour was it")
        here.press("Escape")
        expect(question).to_have_count(0)
        here.press("i")
        expect(question).to_have_value("which colour was it")
        question.press("End")
        here.page.keyboard.type(" and when")
        # Another queue is looked at meanwhile: what was held is taken again all the same.
        here.choose_queue("verification")
        desk.aside.run(execute(desk.stack.database_url, LAPSE))
        expect(here.page.get_by_role("main")).to_contain_text("Your hold on this case ran out")
        here.page.get_by_role("button", name="Take it again").click()
        here.expect_case()
        assert here.case_id == "refund-asked"
        here.press("i")
        expect(question).to_have_value("which colour was it and when")
        question.press("Escape")
        here.put_back()

"""A case on paper: all of it, and nothing that can only be pressed."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from tests.e2e.console.parts import ENDLESS, Desk, refund
from tests.e2e.console.seats import DESK_SIZE, seat

pytestmark = [pytest.mark.kafka, pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]

# What a sheet of A4 leaves between its margins.
PAPER: ViewportSize = {"width": 718, "height": 1046}
INK = "rgb(23, 32, 46)"
# What is shown in a frame of its own that is smaller than it.
CUT = """
() => [...document.querySelectorAll("body *")].filter((one) =>
  !one.closest(".visually-hidden, script, [aria-hidden=true]") && getComputedStyle(one).overflowY !== "visible" &&
  one.clientHeight > 0 && one.scrollHeight > one.clientHeight + 1).map((one) => one.outerHTML.slice(0, 120))
"""


def check_paper(page: Page) -> None:
    page.emulate_media(media="print")
    page.set_viewport_size(PAPER)
    assert page.evaluate(CUT) == []
    for pressed in ("button", "link", "textbox", "navigation", "banner"):
        expect(page.get_by_role(pressed)).to_have_count(0)  # type: ignore[arg-type]
    assert page.evaluate("() => document.documentElement.scrollHeight > innerHeight"), "one sheet shows nothing"
    assert page.evaluate("() => getComputedStyle(document.querySelector('main h1')).color") == INK


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_case_prints_whole_and_without_what_can_only_be_pressed(desk: Desk, browser: Browser, scheme: str) -> None:
    case = refund(f"refund-paper-{scheme}", "P-7", subject=f"paper-{scheme}")
    case["payload"]["message"] = f"{ENDLESS}\n\n" + "It broke, and then it broke again.\n" * 80
    with seat(browser) as here:
        desk.bring(case)
        here.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        here.enter(desk.link("paula", "Paula Paper"))
        here.page.goto(f"{desk.url}/cases/default/{case['case_id']}")
        expect(here.page.get_by_role("heading", name="On the record")).to_be_visible()
        check_paper(here.page)
        for printed in ("Facts", "Decisions", "On the record"):
            expect(here.page.get_by_role("heading", name=printed)).to_be_visible()
        here.page.emulate_media(media="screen")
        here.page.set_viewport_size(DESK_SIZE)
        here.page.goto(desk.url)
        here.choose_queue("refunds")
        here.open_row(case["case_id"])
        here.expect_held()
        check_paper(here.page)
        for printed in ("Decide: ", "No proposal"):
            expect(here.page.get_by_role("heading", name=printed)).to_be_visible()
        expect(here.page.get_by_role("heading", name="Your reasons")).to_have_count(0)
        here.page.emulate_media(media="screen")
        here.page.set_viewport_size(DESK_SIZE)
        here.put_back()

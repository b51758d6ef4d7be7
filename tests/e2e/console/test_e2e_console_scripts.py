"""Texts of any script, names without an end, and colours that the reader chose: nothing is misread for them."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Browser, Route, ViewportSize, expect

from tests.e2e.console.parts import Desk, refund
from tests.e2e.console.seats import DESK_SIZE, PHONE_SIZE, seat

pytestmark = [pytest.mark.kafka, pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]

CASE = re.compile(r"/api/review/v1/cases/default/refund-[0-9]+$")
# "The kettle came broken. abc (7)": read from the right, the Latin letters stand left of the Hebrew ones.
HEBREW = "\u05d4\u05e7\u05d5\u05de\u05e7\u05d5\u05dd \u05e9\u05d1\u05d5\u05e8. abc (7)"
# Where the first letters of a text and its Latin ones stand.
PLACES = """
(one) => {
  const at = (part) => {
    const walker = document.createTreeWalker(one, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const found = node.data.indexOf(part);
      if (found < 0) continue;
      const range = document.createRange();
      range.setStart(node, found);
      range.setEnd(node, found + 1);
      return range.getBoundingClientRect().left;
    }
  };
  return [at("\\u05d4"), at("abc")];
}
"""
# Whether something stands within its own row, and not in the one beside it.
WITHIN = "(one) => one.getBoundingClientRect().right <= one.parentElement.getBoundingClientRect().right + 1"
MANY = 12


def fact(name: str, formatted: str) -> dict[str, Any]:
    label = name.replace("_", " ").capitalize()
    return {"field": name, "label": label, "value": formatted, "formatted": formatted, "unit": None}


def test_a_text_is_set_in_the_direction_of_its_own_script(desk: Desk, browser: Browser) -> None:
    def translated(route: Route) -> None:
        answer = route.fetch()
        page = {**answer.json(), "title": HEBREW, "facts": [fact("message", HEBREW), fact("words", HEBREW * 9)]}
        route.fulfill(response=answer, json=page)

    with seat(browser) as here:
        here.enter(desk.link("emmy", "Emmy Noether"))
        here.page.route(CASE, translated)
        here.page.goto(f"{desk.url}/cases/default/refund-3")
        expect(here.page.locator("dd")).to_have_count(2)
        for shown in (here.page.get_by_role("heading", level=1), *here.page.locator("dd").all()):
            expect(shown).to_contain_text(HEBREW)
            first, latin = shown.evaluate(PLACES)
            assert latin < first, shown
        here.page.unroute_all(behavior="wait")


def test_a_value_without_a_letter_is_called_empty(desk: Desk, browser: Browser) -> None:
    def emptied(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, json={**answer.json(), "facts": [fact("order", ""), fact("message", " \n ")]})

    with seat(browser) as here:
        here.enter(desk.link("emmy", "Emmy Noether"))
        here.page.route(CASE, emptied)
        here.page.goto(f"{desk.url}/cases/default/refund-3")
        expect(here.page.locator("dd")).to_have_text(["empty", "empty"])
        assert here.serious_findings() == []
        here.page.unroute_all(behavior="wait")


@pytest.mark.parametrize("size", [DESK_SIZE, PHONE_SIZE])
def test_a_field_name_without_an_end_stays_beside_its_own_value(
    desk: Desk, browser: Browser, size: ViewportSize
) -> None:
    def stretched(route: Route) -> None:
        answer = route.fetch()
        facts = [fact(f"name_{'x' * 90}_{number}", f"value {number}") for number in range(MANY)]
        route.fulfill(response=answer, json={**answer.json(), "facts": facts})

    with seat(browser, viewport=size) as here:
        here.enter(desk.link("emmy", "Emmy Noether"))
        here.page.route(CASE, stretched)
        here.page.goto(f"{desk.url}/cases/default/refund-3")
        expect(here.page.locator("dt")).to_have_count(MANY)
        for name, value in zip(here.page.locator("dt").all(), here.page.locator("dd").all(), strict=True):
            assert name.evaluate("(one) => one.scrollWidth <= one.clientWidth")
            left, right = name.bounding_box(), value.bounding_box()
            assert left
            assert right
            assert left["x"] + left["width"] <= right["x"] + 1
            assert value.evaluate(WITHIN)
        here.page.unroute_all(behavior="wait")


def test_what_is_chosen_is_seen_in_colours_that_the_reader_chose(desk: Desk, browser: Browser) -> None:
    with seat(browser, forced_colors="active") as here:
        here.enter(desk.link("emmy", "Emmy Noether"))
        here.press("Control+k")
        here.type("in")
        found = here.page.get_by_role("listbox", name="Found").get_by_role("option")
        expect(found.first).to_have_attribute("aria-selected", "true")
        chosen = found.first.screenshot()
        here.press("ArrowDown")
        expect(found.first).to_have_attribute("aria-selected", "false")
        assert found.first.screenshot() != chosen
        here.press("Escape")
        expect(here.page.get_by_role("dialog")).to_have_count(0)
        desk.bring(refund("refund-forced", "F-1"))
        here.choose_queue("refunds")
        here.open_row("refund-forced")
        here.page.get_by_role("heading", level=1).hover()
        row = here.row("refund-forced")
        expect(row).to_have_attribute("aria-current", "true")
        current = row.screenshot()
        row.evaluate("(one) => one.setAttribute('aria-current', 'false')")
        assert row.screenshot() != current
        reason = here.page.get_by_role("group", name="Your reasons").locator("label").first
        before = reason.screenshot()
        reason.click()
        here.page.get_by_role("heading", level=1).hover()
        expect(reason.get_by_role("checkbox")).to_be_checked()
        here.page.evaluate("document.activeElement.blur()")
        assert reason.screenshot() != before
        reason.click()
        here.put_back()

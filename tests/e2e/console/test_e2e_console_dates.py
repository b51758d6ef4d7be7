"""Times and dates say which zone they are of, where they are asked for and where they are shown."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.e2e.console.parts import Desk
from tests.e2e.console.seats import seat

pytestmark = [pytest.mark.kafka, pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]

ZONE = "America/St_Johns"
TIME_FIELDS = "input[type=date], input[type=datetime-local], input[type=time]"


def test_every_time_that_is_asked_for_names_its_zone(desk: Desk, browser: Browser) -> None:
    desk.person("ruthann")
    with seat(browser, timezone_id=ZONE) as here:
        here.enter(desk.link("annie-t", "Annie Tucker", "admin", "auditor"))
        for screen, count in (("cases", 2), ("audit", 4), ("team", 1)):
            here.page.goto(f"{desk.url}/{screen}")
            fields = here.page.locator(TIME_FIELDS)
            expect(fields).to_have_count(count)
            for field in fields.all():
                says_its_zone(field, ZONE)
        # Whether training holds is judged by the server's day, wherever the administrator sits.
        here.page.get_by_role("button", name="Change Ruthann").click()
        says_its_zone(here.page.get_by_label("Training valid until"), "UTC")


def test_no_field_takes_a_year_that_no_record_can_have(desk: Desk, browser: Browser) -> None:
    with seat(browser) as here:
        here.enter(desk.link("annie-t", "Annie Tucker", "admin", "auditor"))
        for screen in ("cases", "audit", "team"):
            here.page.goto(f"{desk.url}/{screen}")
            expect(here.page.locator(TIME_FIELDS).first).to_be_visible()
            for field in here.page.locator(TIME_FIELDS).all():
                # One digit too many: browsers have room for six, and the search went on as if nothing stood here.
                field.press_sequentially("123120267")
                field.press("ArrowRight")
                field.press_sequentially("1130AM")
                assert re.match("[0-9]{4}-|$", field.input_value()), f"{screen}: {field.input_value()}"


def test_a_day_that_no_calendar_has_is_no_limit_and_the_page_stands(desk: Desk, browser: Browser) -> None:
    with seat(browser) as here:
        here.enter(desk.link("annie-t", "Annie Tucker", "admin", "auditor"))
        here.page.goto(f"{desk.url}/cases?since=2026-13-01&until=2026-02-30")
        expect(here.page.get_by_label("Words, case id or subject")).to_be_visible()


def says_its_zone(field: Locator, zone: str) -> None:
    """In words that are seen beside the field, and that belong to it for whoever hears the page."""
    expect(field).to_have_accessible_description(re.compile(f"{zone}"))
    shown = field.page.locator(f"[id='{field.get_attribute('aria-describedby')}']")
    expect(shown).to_be_visible()


def test_durations_have_their_units(desk: Desk, browser: Browser) -> None:
    with seat(browser) as here:
        here.enter(desk.link("irma", "Irma Wyman"))
        here.choose_queue("underwriting")
        here.open_next()
        here.expect_held()
        held = here.page.get_by_text(re.compile("^held for you, "))
        expect(held).to_have_text(re.compile(r"^held for you, \d+ min \d+ s left"))

"""What somebody looks at is in the address: it outlives a reload, the back button finds it, and it can be sent."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.e2e.console.parts import Desk
from tests.e2e.console.seats import Seat, seat

pytestmark = [pytest.mark.kafka, pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]

# Each screen with a choice, the field that makes it, and two of its values, the one that it opens with last.
CHOICES = (
    ("policies", "Policy", "default/refund", "default/content_moderation"),
    ("insight", "Decision type", "loan_application", "content_moderation"),
    ("insight", "Promise: wrong at most", "0.1", "0.005"),
)


@pytest.mark.parametrize(("screen", "label", "one", "other"), CHOICES)
def test_a_choice_outlives_a_reload_goes_back_and_can_be_sent(
    desk: Desk, browser: Browser, screen: str, label: str, one: str, other: str
) -> None:
    with seat(browser) as here, seat(browser) as colleague:
        here.enter(desk.link("gladys", "Gladys West", "analyst"))
        here.page.goto(f"{desk.url}/{screen}")
        choice(here.page, label).select_option(one)
        choice(here.page, label).select_option(other)
        here.page.go_back()
        expect(choice(here.page, label)).to_have_value(one)
        here.page.reload()
        expect(choice(here.page, label)).to_have_value(one)
        colleague.enter(desk.link("dana", "Dana Ulery", "analyst"))
        colleague.page.goto(here.page.url)
        expect(choice(colleague.page, label)).to_have_value(one)


def test_how_figures_are_cut_is_in_the_address(desk: Desk, browser: Browser) -> None:
    with seat(browser) as here:
        here.enter(desk.link("gladys", "Gladys West", "analyst"))
        here.page.goto(f"{desk.url}/insight")
        cut = here.page.get_by_role("group", name="Cut by").get_by_role("button", name="Reason")
        cut.click()
        here.page.reload()
        expect(cut).to_have_attribute("aria-pressed", "true")


def test_no_request_tells_the_address_that_it_came_from(desk: Desk, browser: Browser) -> None:
    link = desk.link("annie-u", "Annie Untold")
    told: list[str] = []
    with seat(browser) as here:
        here.page.on("request", lambda request: told.append(request.all_headers().get("referer", "")))
        here.enter(link)
        here.page.goto(f"{desk.url}/cases?q=Zaubernuss")
        expect(here.page.get_by_text("No case fits")).to_be_visible()
    assert len(told) > 10
    assert set(told) <= {"", f"{desk.url}/"}


def choice(page: Page, label: str) -> Locator:
    return page.get_by_label(label, exact=True)


@pytest.mark.parametrize(("address", "words"), [
    ("policies?policy=acme%2Frefund", "acme/refund"), ("insight?type=parcels", "parcels"),
])  # fmt: skip
def test_an_address_that_names_what_is_not_there_says_so(
    desk: Desk, browser: Browser, address: str, words: str
) -> None:
    with seat(browser) as here:
        here.enter(desk.link("gladys", "Gladys West", "analyst"))
        here.page.goto(f"{desk.url}/{address}")
        expect(here.page.get_by_role("status").filter(has_text=words)).to_contain_text("is not among those")


def test_the_person_who_is_changed_and_the_page_of_cases_are_in_the_address(desk: Desk, browser: Browser) -> None:
    desk.person("evelyn")
    with seat(browser) as here:
        here.enter(desk.link("admiral", "Admiral", "admin"))
        here.page.goto(f"{desk.url}/team")
        here.page.get_by_role("button", name="Change Evelyn").click()
        form = here.page.get_by_role("heading", name="Change Evelyn")
        expect(form).to_be_visible()
        here.page.reload()
        expect(form).to_be_visible()
        here.page.go_back()
        expect(form).to_have_count(0)
        here.page.go_forward()
        here.page.get_by_role("button", name="Not now").click()
        expect(form).to_have_count(0)
        expect(here.page).to_have_url(f"{desk.url}/team")

        here.page.goto(f"{desk.url}/cases?type=loan_application")
        first = here.cases_found.nth(1)
        # By its id alone: the words beside it change with the time.
        newest = case_of(first)
        here.page.get_by_role("button", name="Older").click()
        expect(first).not_to_contain_text(newest)
        older = case_of(first)
        here.page.reload()
        expect(first).to_contain_text(older)
        first.get_by_role("link").first.click()
        expect(here.page.get_by_text(f"case {older}")).to_be_visible()
        # Both ways back lead to where somebody was: their search, and the page of it.
        here.page.get_by_role("link", name="Back to the cases that were found").click()
        expect(first).to_contain_text(older)
        expect(here.page.get_by_label("Kind")).to_have_value("loan_application")
        here.page.get_by_role("button", name="Newer").click()
        expect(first).not_to_contain_text(older)


def case_of(row: Locator) -> str:
    return row.get_by_role("link").first.inner_text()


def test_each_tab_works_on_the_queue_of_its_address(desk: Desk, browser: Browser) -> None:
    with seat(browser) as here:
        here.enter(desk.link("karen", "Karen Jones"))
        here.choose_queue("refunds")
        tab = Seat(here.page.context.new_page())
        tab.page.goto(here.page.url)
        expect(tab.page.get_by_label("Queue to work on")).to_have_value("refunds")
        tab.choose_queue("underwriting")
        expect(tab.page.get_by_role("button", name="Open the next case")).to_be_visible()
        # What is chosen in one tab takes no work away from under another.
        expect(here.page.get_by_label("Queue to work on")).to_have_value("refunds")
        tab.page.go_back()
        expect(tab.page.get_by_label("Queue to work on")).to_have_value("refunds")
        tab.page.go_forward()
        tab.page.reload()
        expect(tab.page.get_by_label("Queue to work on")).to_have_value("underwriting")


def test_the_list_beside_an_open_case_is_of_its_queue_or_says_that_it_is_not(desk: Desk, browser: Browser) -> None:
    with seat(browser) as here, seat(browser) as elsewhere:
        person = desk.person("mavis")
        for one in (here, elsewhere):
            one.page.goto(desk.url)
            one.page.get_by_label("Name").fill(person.username)
            one.page.get_by_label("Password", exact=True).fill(person.password)
            one.press("Enter")
            if one is here:
                one.choose_queue("underwriting")
                one.open_next()
                one.expect_held()
        # Nothing was chosen in this browser yet: it begins where the open case is.
        elsewhere.expect_case()
        queue = elsewhere.page.get_by_label("Queue to work on")
        expect(queue).to_have_value("underwriting")
        row = elsewhere.page.locator("nav[aria-label=Queue] button[aria-current=true]")
        expect(row).to_have_attribute("title", elsewhere.case_id)
        told = elsewhere.page.locator("nav[aria-label=Queue]").get_by_role("status")
        elsewhere.choose_queue("refunds")
        expect(told).to_contain_text("The open case is of Underwriting, not of this list.")
        elsewhere.page.reload()
        expect(told).to_contain_text("The open case is of Underwriting, not of this list.")
        elsewhere.page.get_by_role("button", name="Show the list of Underwriting").press("Enter")
        expect(row).to_have_attribute("title", elsewhere.case_id)
        expect(queue).to_have_value("underwriting")
        expect(told).to_be_empty()

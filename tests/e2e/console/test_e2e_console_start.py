"""A console while the server, something in front of it, or a service behind it does not answer."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Route, expect

from tests.e2e.console.parts import Desk
from tests.e2e.console.seats import seat

pytestmark = [pytest.mark.kafka, pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]

ME = "**/api/review/v1/me"
# What stands in front of the server and speaks for it: status, type, words.
IN_BETWEEN = (
    (502, "text/html", "<html><h1>502 Bad Gateway</h1></html>"),
    (503, "text/plain", "no healthy upstream"),
    (200, "text/html; charset=utf-8", "<html><form>Sign in to the network</form></html>"),
    (403, "text/html", "<html><h1>Blocked by the gateway</h1></html>"),
)
# Remembers whether anybody was told that nothing is recorded, however short it was.
LISTEN = """
() => {
  window.told = false;
  new MutationObserver(() => (window.told ||= document.body.innerText.includes("is not recorded until")))
    .observe(document.body, { subtree: true, childList: true });
}
"""


def test_a_server_that_hangs_at_first_is_waited_for_in_sight_and_asked_again(desk: Desk, browser: Browser) -> None:
    asked: list[Route] = []
    hangs = True

    def hang(route: Route) -> None:
        asked.append(route)
        if not hangs:
            route.continue_()

    with seat(browser) as here:
        here.page.route(ME, hang)
        here.page.goto(desk.link("bartik", "Jean Bartik"))
        expect(here.page.get_by_role("status")).to_have_text("Countersign is loading \u2026")
        slow = here.page.get_by_role("alert")
        expect(slow).to_contain_text("has not answered")
        expect(slow).to_contain_text(f"{desk.url}/api/review/v1/me")
        assert len(asked) == 1
        assert here.serious_findings() == []
        hangs = False
        here.page.get_by_role("button", name="Ask again now").press("Enter")
        expect(here.page.get_by_label("Pages")).to_be_visible()


@pytest.mark.parametrize(("status", "kind", "words"), IN_BETWEEN)
def test_what_a_proxy_says_is_not_taken_for_the_server(
    desk: Desk, browser: Browser, status: int, kind: str, words: str
) -> None:
    def speak(route: Route) -> None:
        route.fulfill(status=status, content_type=kind, body=words)

    with seat(browser) as here:
        here.page.route(ME, speak)
        here.page.goto(desk.link(f"kay-{status}", "Kay McNulty"))
        expect(here.page.get_by_role("status")).to_have_text("Countersign is loading \u2026")
        expect(here.page.get_by_role("heading", name="Countersign cannot be reached")).to_be_visible()
        said = here.page.get_by_role("alert")
        expect(said).to_contain_text("something else answers in its place")
        expect(said).not_to_contain_text("html")
        here.page.unroute(ME)
        here.page.get_by_role("button", name="Try again").press("Enter")
        expect(here.page.get_by_label("Pages")).to_be_visible()


def test_a_console_of_another_version_than_its_server_says_that_it_cannot_go_on(desk: Desk, browser: Browser) -> None:
    with seat(browser) as here:
        here.page.route(ME, lambda route: route.fulfill(json={"user": "somebody"}))
        here.page.goto(desk.url)
        expect(here.page.get_by_role("heading", name="This page cannot be shown")).to_be_visible()
        here.complaints.clear()


@pytest.mark.parametrize(("scheme", "ground"), [("light", "rgb(246, 247, 249)"), ("dark", "rgb(17, 21, 28)")])
def test_a_page_whose_program_does_not_come_says_so(desk: Desk, browser: Browser, scheme: str, ground: str) -> None:
    with seat(browser, color_scheme=scheme) as here:
        here.page.route("**/assets/index-*.js", lambda _route: None)
        here.page.goto(desk.url, wait_until="commit")
        expect(here.page.get_by_text("Countersign is loading \u2026")).to_be_visible()
        expect(here.page.get_by_text("The console has not come yet.")).to_be_visible()
        expect(here.page.get_by_role("link", name="Load it again")).to_be_visible()
        expect(here.page.locator("body")).to_have_css("background-color", ground)


def test_another_service_that_is_away_is_named_and_nobody_is_told_that_nothing_is_recorded(
    desk: Desk, browser: Browser
) -> None:
    with seat(browser) as here:
        here.enter(desk.link("wescoff", "Marlyn Wescoff"))
        here.page.evaluate(LISTEN)
        desk.stack.kill("feedback")
        try:
            here.page.get_by_label("Pages").get_by_role("link", name="Insight").click()
            alert = here.page.get_by_role("alert").filter(has_text="The feedback service does not answer.")
            expect(alert).to_be_visible()
            assert not here.page.evaluate("window.told")
        finally:
            desk.stack.start("feedback")

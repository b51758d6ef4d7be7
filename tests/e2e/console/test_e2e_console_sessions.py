"""Sessions that change under an open page: they end, begin anew in another tab, or somebody else's begins."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import pytest
from playwright.sync_api import Browser, expect

from countersign_shared.clock import system_clock
from tests.e2e.console.parts import Desk, Person
from tests.e2e.console.seats import Seat, seat, skip_until

pytestmark = [pytest.mark.kafka, pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]

# A clock that somebody has set five hours ahead.
FAST_CLOCK = """
{
  const Right = Date;
  const ahead = 5 * 3600 * 1000;
  globalThis.Date = class extends Right {
    constructor(...given) { if (given.length) super(...given); else super(Right.now() + ahead); }
    static now() { return Right.now() + ahead; }
  };
}
"""


def test_another_tab_that_signed_in_anew_leaves_the_first_one_working(desk: Desk, browser: Browser) -> None:
    wilma = desk.person("wilma")
    with seat(browser) as here:
        sign_in(desk, here, wilma)
        case_id = open_one(here)
        tab = Seat(here.page.context.new_page())
        tab.page.goto(desk.url)
        sign_out(tab, "Wilma")
        sign_in(desk, tab, wilma)
        here.page.bring_to_front()
        here.press("a")
        here.expect_status(re.compile(f"{case_id}, Approve: (recorded|sent)"))
        here.page.close()
    assert desk.decision_on(case_id)["outcome"] == "approve"


def test_a_session_that_ends_in_the_middle_of_a_decision_says_so_and_keeps_what_was_written(
    desk: Desk, browser: Browser
) -> None:
    betty = desk.person("betty-s")
    with seat(browser) as here:
        sign_in(desk, here, betty)
        case_id = open_one(here)
        here.press("n")
        here.type("called the branch")
        here.press("Escape")
        here.page.context.clear_cookies()
        here.press("a")
        expect(here.page.get_by_role("status").filter(has_text="Your session has ended")).to_be_visible()
        sign_in(desk, here, betty)
        refusal = here.page.get_by_role("alert").filter(
            has_text=f"{case_id}: your \u201cApprove\u201d was not recorded"
        )
        expect(refusal).to_contain_text("Your session had ended")
        expect(refusal).not_to_contain_text("Bearer")
        refusal.get_by_role("button", name="Look at it again").click()
        here.expect_case()
        expect(here.page.get_by_label("Note", exact=True)).to_have_value("called the branch")
        here.press("a")
        here.expect_status(re.compile(f"{case_id}, Approve: (recorded|sent)"))
    assert desk.decision_on(case_id)["reason"]["note"] == "called the branch"


def test_whoever_comes_next_to_a_browser_sees_nothing_of_what_was_decided_or_written_before(
    desk: Desk, browser: Browser
) -> None:
    fred, barney = desk.person("fred"), desk.person("barney")
    with seat(browser) as here:
        sign_in(desk, here, fred)
        case_id = open_one(here)
        here.press("a")
        here.expect_status(re.compile(f"{case_id}, Approve: (recorded|sent)"))
        here.expect_case(other_than=case_id)
        # Only the browser has it: the server does not answer when it is to keep it.
        here.page.context.route("**/draft", lambda route: route.abort())
        here.press("n")
        here.type("Fred's own opinion")
        expect(here.page.get_by_text("Draft kept in this tab only.")).to_be_visible()
        here.page.context.clear_cookies()
        expect(here.page.get_by_role("status").filter(has_text="Your session has ended")).to_be_visible()
        assert "own opinion" in kept_in(here)
        sign_in(desk, here, barney)
        expect(here.page.get_by_text(case_id)).to_have_count(0)
        assert "own opinion" not in kept_in(here)


def test_whoever_comes_next_to_a_browser_is_not_told_by_the_address_whom_somebody_looked_for(
    desk: Desk, browser: Browser
) -> None:
    george, judy = desk.person("george-j"), desk.person("judy-j")
    looked_for = f"{desk.url}/cases?q=Zaubernuss"
    with seat(browser) as here:
        sign_in(desk, here, george)
        here.page.goto(looked_for)
        expect(here.page.get_by_text("No case fits")).to_be_visible()
        for person, address in ((george, looked_for), (judy, f"{desk.url}/")):
            here.page.context.clear_cookies()
            here.page.reload()
            sign_in(desk, here, person)
            expect(here.page).to_have_url(address)
        here.page.goto(looked_for)
        expect(here.page.get_by_text("No case fits")).to_be_visible()
        sign_out(here, "Judy-J")
        expect(here.page).to_have_url(f"{desk.url}/")
        here.page.goto(looked_for)
        sign_in(desk, here, george)
        expect(here.page).to_have_url(looked_for)


def test_signing_out_is_found_by_name_without_a_mouse(desk: Desk, browser: Browser) -> None:
    with seat(browser) as here:
        here.enter(desk.link("barbera", "Barbera"))
        here.act("sign out", re.compile("^Sign out"))
        expect(here.page.get_by_label("Name")).to_be_focused()
        here.page.reload()
        expect(here.page.get_by_role("button", name="Sign in")).to_be_visible()


def test_standing_in_from_now_on_begins_now_on_a_computer_whose_clock_is_wrong(desk: Desk, browser: Browser) -> None:
    desk.person("pebbles")
    desk.person("bambam")
    with seat(browser) as here:
        here.page.add_init_script(FAST_CLOCK)
        here.enter(desk.link("dino", "Dino", "admin"))
        here.page.goto(f"{desk.url}/team")
        here.page.get_by_label("Away").select_option("pebbles")
        here.page.get_by_label("Stands in").select_option("bambam")
        here.page.get_by_label("Last day").fill((system_clock() + timedelta(days=3)).date().isoformat())
        here.page.get_by_role("button", name="Let them stand in from now on").click()
        expect(here.page.get_by_role("row", name=re.compile("Pebbles.*Bambam"))).to_be_visible()
        made = here.page.evaluate("async () => (await fetch('/api/review/v1/delegations')).json()")
        [begins] = [one["starts_at"] for one in made["items"] if one["username"] == "pebbles"]
        assert abs(system_clock() - datetime.fromisoformat(begins)) < timedelta(minutes=2)


def sign_in(desk: Desk, here: Seat, person: Person) -> None:
    """Sign in by name and password, in the form that is there or on the console's first page."""
    if here.page.url == "about:blank":
        here.page.goto(desk.url)
    here.page.get_by_label("Name").fill(person.username)
    here.page.get_by_label("Password", exact=True).fill(person.password)
    here.press("Enter")
    expect(here.page.get_by_role("button", name=re.compile(f"{person.username.title()}: appearance"))).to_be_visible()


def sign_out(here: Seat, name: str) -> None:
    here.page.get_by_role("button", name=name).click()
    here.page.get_by_role("menuitem", name="Sign out").click()
    expect(here.page.get_by_label("Name")).to_be_focused()


def open_one(here: Seat) -> str:
    """Open a case of underwriting that the model proposes to approve, and wait until it is held; returns its id."""
    here.choose_queue("underwriting")
    here.open_next()
    case_id = skip_until(here, "Approve")
    here.expect_held()
    return case_id


def kept_in(here: Seat) -> str:
    return str(here.page.evaluate("JSON.stringify([sessionStorage, localStorage])"))

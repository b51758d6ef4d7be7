"""The console's other screens: controls, policies, figures, the record, people; keys and the palette."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.e2e.console.hour import SENT_SECONDS
from tests.e2e.console.parts import Desk
from tests.e2e.console.seats import DESK_SIZE, Seat, seat

pytestmark = [pytest.mark.kafka, pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]

EVERYTHING = ("admin", "analyst", "auditor", "lead", "operator", "policy_author", "policy_approver")
# Each screen, and the card that stands last on it.
LAST = {
    "policies": "Versions", "insight": "Figures", "controls": "Every control, as it stands",
    "audit": "Take it with you", "team": "Standing in", "keys": "Keys in force",
}  # fmt: skip
ALL_PAGES = 8
# What a desk of 1440 points has left at 200 and at 150 per cent.
ENLARGED = (720, 960)
IN_SIGHT = """
(link) => {
  const { left, right, top, bottom } = link.getBoundingClientRect();
  const inside = (x, y) => link.contains(document.elementFromPoint(x, y));
  return inside(left + 3, (top + bottom) / 2) && inside(right - 3, (top + bottom) / 2);
}
"""
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


def section(page: Page, title: str) -> Locator:
    """Return the card with this title."""
    return page.locator("section", has=page.get_by_role("heading", name=title))


def test_pages_are_offered_to_those_they_lead_somewhere_for(desk: Desk, browser: Browser) -> None:
    offered = {"reviewer": ["Review", "Cases"], "auditor": ["Cases", "Policies", "Insight", "Controls", "Audit"]}
    for role, pages in offered.items():
        with seat(browser) as here:
            here.enter(desk.link(f"only-{role}", f"Only {role.title()}", role))
            assert here.page.get_by_label("Pages").get_by_role("link").all_inner_texts() == pages
            here.page.goto(f"{desk.url}/team")
            expect(here.page.get_by_role("heading", name="There is no such page for you")).to_be_visible()


def test_a_key_is_given_to_another_command_and_printed_on_its_button(desk: Desk, browser: Browser) -> None:
    with seat(browser) as here:
        here.enter(desk.link("kathleen", "Kathleen Booth"))
        here.choose_queue("underwriting")
        here.open_next()
        case_id = here.case_id
        here.press("?")
        here.page.get_by_role("button", name="another key for skip").click()
        here.press("n")
        expect(here.page.get_by_role("alert").filter(has_text="already means")).to_contain_text("write a note")
        here.press("y", "Escape")
        expect(here.page.get_by_role("dialog")).to_have_count(0)
        expect(here.page.get_by_role("button", name="Skip")).to_contain_text("Y")
        here.press("s")
        assert here.case_id == case_id
        # What was opened comes back after a reload; before the server knows, it is only held.
        with here.page.expect_response(re.compile(r"/opened(\?|$)")):
            here.press("y")
            here.expect_case(other_than=case_id)
        here.page.reload()
        here.expect_case()
        expect(here.page.get_by_role("button", name="Skip")).to_contain_text("Y")


def test_the_palette_finds_pages_actions_and_cases(desk: Desk, browser: Browser) -> None:
    with seat(browser) as here:
        here.enter(desk.link("betty", "Betty Holberton"))
        here.press("Control+k")
        here.type("insi")
        found = here.page.get_by_role("listbox", name="Found").get_by_role("option")
        expect(found).to_have_text([re.compile("Insight"), re.compile("among the cases")])
        here.press("Enter")
        expect(here.page.get_by_role("heading", name="What may run by itself, and is it still true?")).to_be_focused()
        here.press("Control+k")
        here.type("customer-7")
        here.press("Enter")
        expect(here.cases_found).to_have_count(3, timeout=SENT_SECONDS * 1000)


def test_a_page_that_cannot_be_shown_takes_nothing_else_along(desk: Desk, browser: Browser) -> None:
    with seat(browser) as here:
        here.enter(desk.link("klara", "Klara von Neumann", "reviewer", "lead"))
        # As after an update: what is opened seldom is not there any more under its old name.
        here.page.route("**/assets/InsightPage-*", lambda route: route.abort())
        pages = here.page.get_by_label("Pages")
        pages.get_by_role("link", name="Insight").click()
        expect(here.page.get_by_role("heading", name="This page cannot be shown")).to_be_focused()
        assert here.serious_findings() == []
        pages.get_by_role("link", name="Controls").click()
        expect(here.page.get_by_role("heading", name="Controls")).to_be_focused()
        here.page.unroute("**/assets/InsightPage-*")
        pages.get_by_role("link", name="Insight").click()
        here.page.get_by_role("button", name="Load the console anew").click()
        expect(here.page.get_by_role("heading", name="What may run by itself, and is it still true?")).to_be_visible()
        here.page.goto(f"{desk.url}/cases/default/%E0%A4%A")
        expect(here.page.get_by_role("heading", name="This page cannot be shown")).to_be_visible()
        # Whoever looks after the system finds the reason in the browser's console.
        assert any("InsightPage" in one for one in here.complaints)
        here.complaints.clear()


def test_one_person_stops_and_two_let_it_go_on(desk: Desk, browser: Browser) -> None:
    with seat(browser) as first, seat(browser) as second:
        first.enter(desk.link("margaret", "Margaret Hamilton", "operator"))
        first.page.goto(f"{desk.url}/controls")
        expect(first.page.get_by_text("more cases an hour for people")).to_be_visible()
        first.page.get_by_label("What to stop").select_option("refund")
        first.page.get_by_label("Why", exact=True).fill("<script>alert(1)</script> looked wrong twice")
        first.page.get_by_role("button", name="Stop automation of Refund now").press("Enter")
        stopped = section(first.page, "Stopped: Refund")
        # Whoever has no mouse goes on where they were, also when the button they pressed is gone or waits.
        expect(first.page.get_by_role("heading", name="Stop automation", exact=True)).to_be_focused()
        expect(stopped).to_contain_text("<script>alert(1)</script> looked wrong twice")
        stopped.get_by_label("Why automation may go on").fill(f"the shop has mended it: https://{'m' * 400}")
        stopped.get_by_role("button", name="Ask a second person").press("Enter")
        expect(stopped).to_contain_text("It cannot be you")
        box = stopped.get_by_text("You have asked for it to go on").bounding_box()
        assert box
        assert box["x"] + box["width"] <= DESK_SIZE["width"]
        expect(stopped.get_by_role("heading")).to_be_focused()
        # More confidence is asked for at once, and beside the stop; letting it down again waits for two.
        raising = section(first.page, "Ask for more confidence")
        raising.get_by_label("Whose cases").select_option("refund")
        raising.get_by_label("Of which consequence").select_option("critical")
        raising.get_by_label("High confidence begins higher by").select_option("0.05")
        raising.get_by_label("Why more is needed").fill("a new shop")
        raising.get_by_role("button", name="Raise the bands now").click()
        expect(raising.get_by_role("status")).to_contain_text("Raised.")
        held = section(first.page, "Every control, as it stands")
        expect(held.get_by_text("high +0.05: a new shop")).to_be_visible()
        expect(section(first.page, "Waiting for signatures")).to_contain_text("Lower raised bands: Refund")
        # Colleagues have names for whoever may know the team; an operator reads what the record says, and who it is.
        expect(held.get_by_role("cell", name=re.compile("^you *u_[0-9a-f]{16}$")).first).to_be_visible()
        second.enter(desk.link("ida", "Ida Rhodes", "lead"))
        ask_for_release(desk, second.page, "refund")
        second.page.goto(f"{desk.url}/controls")
        # Whoever asked as well is the second person all the same.
        expect(second.page.get_by_text("Margaret Hamilton has asked for it to go on")).to_be_visible()
        held = section(second.page, "Every control, as it stands")
        by = held.get_by_role("cell", name=re.compile("Margaret Hamilton"))
        expect(by.first).to_have_text(re.compile("Hamilton *u_[0-9a-f]{16}$"))
        second.page.get_by_role("button", name="Confirm: automation goes on").press("Enter")
        expect(second.page.get_by_text("No stop holds")).to_be_visible()
        expect(second.page.get_by_role("heading", name="Controls")).to_be_focused()
        expect(second.page).to_have_title("Controls \u2013 Countersign")


def ask_for_release(desk: Desk, page: Page, decision_type: str) -> None:
    """Ask for automation to go on as whoever is signed in, from elsewhere."""
    me = page.request.get(f"{desk.url}/api/review/v1/me").json()
    asked = page.request.post(
        f"{desk.url}/api/router/v1/controls/stop/release-requests",
        headers={"X-CSRF-Token": me["csrf_token"], "Origin": desk.url},
        data={"scope": "decision_type", "decision_type": decision_type, "reason": "it looks right again"},
    )
    assert asked.ok, asked.text()


def test_a_policy_passes_through_two_peoples_hands(desk: Desk, browser: Browser) -> None:
    with seat(browser) as author, seat(browser) as approver:
        author.enter(desk.link("annie", "Annie Easley", "policy_author"))
        author.page.get_by_label("Policy", exact=True).select_option("default/content_moderation")
        author.page.get_by_role("button", name="Write a new version").click()
        text = author.page.get_by_label("The policy, as YAML")
        written = text.input_value()
        text.fill(written.replace("high: 0.90", "high: 2.90", 1))
        expect(author.page.get_by_text(re.compile("^line [0-9]+: "))).to_be_visible()
        clearer = written.replace("The post may be a threat.", "The post could be a threat.", 1)
        text.fill(re.sub(r"^version: \d+", "version: 2", clearer, flags=re.MULTILINE))
        expect(author.page.get_by_text("It can be used")).to_be_visible()
        author.page.get_by_label("Why", exact=True).fill("say it more clearly")
        author.page.get_by_role("button", name="Begin the draft").click()
        draft = author.page.get_by_role("region", name="Draft of version 2")
        draft.get_by_role("button", name="Run its examples").click()
        expect(draft.get_by_role("list", name="Steps").get_by_text("Tested")).to_have_attribute("data-done", "true")
        draft.get_by_role("button", name="Replay it").click()
        expect(draft.get_by_text("You wrote it, so somebody else must approve it.")).to_be_visible(
            timeout=SENT_SECONDS * 1000
        )
        approver.enter(desk.link("grete", "Grete Hermann", "policy_approver"))
        approver.page.get_by_label("Policy", exact=True).select_option("default/content_moderation")
        approver.page.get_by_label("What you looked at").fill("the differences and the replay")
        approver.page.get_by_role("button", name="Approve version 2").click()
        author.page.get_by_label("Why it is published now").fill("approved")
        author.page.get_by_role("button", name="Publish version 2").click()
        expect(author.page.get_by_role("row", name=re.compile("^2 .* in force"))).to_be_visible()


def test_the_record_is_searched_and_proven_in_the_browser(desk: Desk, browser: Browser) -> None:
    with seat(browser) as here:
        here.enter(desk.link("dorothy", "Dorothy Vaughan", "auditor"))
        here.page.goto(f"{desk.url}/audit")
        for _ in range(2):
            here.page.get_by_role("button", name="Verify now").click()
            expect(here.page.get_by_text("Signed by the key that the log\u2019s first entry names.")).to_be_visible()
        expect(here.page.get_by_text(re.compile("still there|nothing changed"))).to_be_visible()
        search = here.page.get_by_role("search", name="The log")
        search.get_by_label("Subject").fill("customer-7")
        search.get_by_role("button", name="Search").click()
        expect(here.page.get_by_text("case.created").first).to_be_visible()
        here.page.get_by_role("button", name="Prove").first.click()
        expect(here.page.get_by_text(re.compile(r"\u2713 in the log of \d+"))).to_be_visible()
        here.page.get_by_role("button", name="Show the access log").click()
        expect(here.page.get_by_role("cell", name="auditor").first).to_be_visible()
        looks = here.page.get_by_role("search", name="Who looked")
        looks.get_by_label("Who").fill("nobody")
        looks.get_by_role("button").click()
        expect(here.page.get_by_text("no look fits")).to_be_visible()
        # A slip of the hand is no alarm about the log.
        here.page.get_by_text("Use a checkpoint and a key of your own").click()
        here.page.get_by_label("Verifier key").fill("mistyped")
        here.page.get_by_role("button", name="Verify now").click()
        expect(here.page.get_by_text("A verifier key reads NAME+KEYID+BASE64")).to_be_visible()


def test_figures_come_with_what_they_rest_on(desk: Desk, browser: Browser) -> None:
    with seat(browser) as here:
        here.enter(desk.link("mary", "Mary Jackson", "analyst"))
        here.page.goto(f"{desk.url}/insight")
        here.page.get_by_label("Decision type").select_option("loan_application")
        expect(here.page.get_by_text(re.compile(r"\[[\d.]+, [\d.]+\] . \d+ of \d+ cases"))).to_be_visible()
        with here.page.expect_download() as download:
            here.page.get_by_role("button", name="Recompute it").click()
        taken = json.loads(Path(download.value.path()).read_text(encoding="utf-8"))
        assert taken["assessment"]["population"]["decision_type"] == "loan_application"
        assert taken["recipe"]


def test_somebody_is_added_signs_in_and_is_gone_when_disabled(desk: Desk, browser: Browser) -> None:
    with seat(browser) as admin, seat(browser) as new:
        admin.enter(desk.link("admiral", "Admiral", "admin"))
        admin.page.goto(f"{desk.url}/team")
        admin.page.get_by_role("button", name="Add somebody").click()
        admin.page.get_by_label("Name to sign in with").fill("newcomer")
        admin.page.get_by_label("Name", exact=True).fill("New Comer")
        admin.page.get_by_role("button", name="Add", exact=True).click()
        password = admin.page.locator("code").nth(1).inner_text()
        new.page.goto(desk.url)
        new.page.get_by_label("Name").fill("newcomer")
        new.page.get_by_label("Password", exact=True).fill(password)
        new.press("Enter")
        expect(new.page.get_by_text("live", exact=True)).to_be_visible()
        admin.page.get_by_role("button", name="Done", exact=True).click()
        admin.page.get_by_role("button", name="Change New Comer").click()
        admin.page.get_by_label("Analyst").check()
        admin.page.get_by_role("button", name="Save").click()
        # The form closes once the server has said yes; a page loaded before that rightly shows the old roles.
        expect(admin.page.get_by_role("button", name="Save")).to_have_count(0)
        # Without a reload: an open console follows what its person may do.
        expect(new.page.get_by_label("Pages").get_by_role("link", name="Insight")).to_be_visible()
        admin.page.get_by_role("button", name="Disable New Comer").click()
        admin.page.get_by_role("button", name="Disable New Comer").click()
        expect(admin.page.get_by_role("row", name=re.compile("New Comer.*gone since"))).to_be_visible()
        # Without a click: an open console says that its session is over, and why it asks who is there.
        expect(new.page.get_by_role("button", name="Sign in")).to_be_visible()
        expect(new.page.get_by_role("status")).to_contain_text("Your session has ended")


def test_a_key_is_made_shown_once_and_taken_back_without_a_mouse(desk: Desk, browser: Browser) -> None:
    desk.person("xenon", "submitter", "analyst")
    with seat(browser, permissions=["clipboard-read", "clipboard-write"]) as here:
        here.enter(desk.link("admiral", "Admiral", "admin"))
        here.act("api keys", re.compile("^API keys"))
        expect(here.page.get_by_role("heading", name="API keys")).to_be_focused()
        here.press("Tab", "Enter")
        here.type("nightly import")
        # A letter chooses among those that have been read.
        expect(here.page.locator("option", has_text="Xenon (xenon)")).to_have_count(1)
        here.press("Tab", "X", "Tab", "Tab", "Tab", "Space", "Shift+Tab", "Enter")
        secret = here.page.get_by_label("The key", exact=True)
        expect(here.page.get_by_text("shown this once and never again")).to_be_visible()
        assert here.serious_findings() == []
        key = secret.inner_text()
        here.press("Enter")
        expect(here.page.get_by_role("status").filter(has_text="Copied.")).to_be_visible()
        assert here.page.evaluate("navigator.clipboard.readText()") == key
        me = who_comes_with(desk, key)
        assert (me["username"], me["roles"]) == ("xenon", ["analyst"])
        here.press("Tab", "Enter")
        expect(here.page.get_by_role("status").filter(has_text="is in force")).to_be_focused()
        kept = here.page.evaluate("JSON.stringify([localStorage, sessionStorage, location.href, history.state])")
        assert not any(key.rpartition("_")[2] in text for text in (kept, here.page.content()))
        row = here.page.get_by_role("row", name=re.compile("nightly import.*Xenon.*analyst"))
        row.get_by_role("button").focus()
        here.press("Enter", "Enter")
        expect(here.page.get_by_role("status").filter(has_text="is revoked")).to_be_focused()
        expect(row).to_have_count(0)
        with pytest.raises(urllib.error.HTTPError, match="401"):
            who_comes_with(desk, key)


def who_comes_with(desk: Desk, key: str) -> dict[str, Any]:
    """Return whom the API knows by a key."""
    request = urllib.request.Request(f"{desk.url}/api/review/v1/me", headers={"authorization": f"Bearer {key}"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return dict(json.load(answer))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_other_screens_are_accessible_and_fit_a_phone(desk: Desk, browser: Browser, scheme: str) -> None:
    found = {}
    with seat(browser, color_scheme=scheme, reduced_motion="reduce") as here:
        here.enter(desk.link(f"sophie-{scheme}", "Sophie Wilson", *EVERYTHING))
        for screen in LAST:
            open_screen(desk, here, screen)
            found[screen] = here.serious_findings()
        here.press("Control+k")
        expect(here.page.get_by_role("listbox", name="Found").get_by_role("option").first).to_be_visible()
        found["palette"] = here.serious_findings()
    with seat(browser, color_scheme=scheme, **PHONE) as phone:
        phone.enter(desk.link(f"sophie-{scheme}", "Sophie Wilson", *EVERYTHING))
        for screen in LAST:
            open_screen(desk, phone, screen)
            assert phone.page.evaluate("document.documentElement.scrollWidth") == 390, screen
        for width in (390, *ENLARGED):
            phone.page.set_viewport_size({"width": width, "height": 600})
            links = phone.page.get_by_label("Pages").get_by_role("link").all()
            assert len(links) == ALL_PAGES
            # What lies under the middle of a link is the link: nothing hides it, and no edge cuts it off.
            hidden = [link.inner_text() for link in links if not link.evaluate(IN_SIGHT)]
            assert hidden == [], width
    assert "\n".join(f"{screen}: {finding}" for screen, findings in found.items() for finding in findings) == ""


def open_screen(desk: Desk, here: Seat, screen: str) -> None:
    """Open a screen with something on it."""
    here.page.goto(f"{desk.url}/{screen}")
    expect(here.page.get_by_role("heading", level=1)).to_be_focused()
    if screen == "policies":
        here.page.get_by_label("Policy", exact=True).select_option("default/loan_application")
    expect(here.page.get_by_role("heading", name=LAST[screen])).to_be_visible()

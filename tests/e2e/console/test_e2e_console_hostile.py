"""Markup, handlers, script addresses and signs that turn text around, in everything one can write: shown as text."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Dialog, expect

from tests.e2e.console.parts import ENDLESS, HOSTILE, HOSTILE_CASE, HOSTILE_POST, HOSTILE_PROPOSAL, Desk
from tests.e2e.console.seats import SHOWN_SECONDS, Seat, seat

pytestmark = [pytest.mark.kafka, pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]

SHOWN = "<img src=x onerror=hit()><script>hit()</script>"
TRAP = "window.hits = 0; window.hit = () => { window.hits += 1; };"
# What came to be an element, an address or a handler out of a text; texts that turn their neighbours around; and what
# an endless word made wider than its place. Looked for again until the text is there to read as often as it should be,
# or the time is over.
FOUND = """
({ shown, least, milliseconds }) => new Promise((done) => {
  const made = "img, script:not([src]), iframe, [onerror], [onload], [href^='javascript:']";
  const until = performance.now() + milliseconds;
  const look = () => {
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const turned = [];
    let count = 0;
    while (texts.nextNode()) {
      const { data, parentElement: parent } = texts.currentNode;
      if (data.includes(shown)) count += 1;
      const { unicodeBidi, display } = getComputedStyle(parent);
      if (data.includes("\\u202e") && display === "inline" && unicodeBidi !== "isolate") turned.push(parent.outerHTML);
    }
    if (count < least && performance.now() < until) return setTimeout(look, 50);
    const elements = [...document.querySelectorAll(made)].map((one) => one.outerHTML);
    const wide = [document.documentElement, ...document.querySelectorAll("main, aside, section")]
      .filter((one) => one.scrollWidth > one.clientWidth + 2).map((one) => one.className);
    return done({ hits: window.hits, made: elements, turned, wide, count });
  };
  look();
})
"""


def check(here: Seat, screen: str, least: int) -> None:
    """Nothing ran, nothing became an element, and what was written is there to read."""
    found = here.page.evaluate(FOUND, {"shown": SHOWN, "least": least, "milliseconds": SHOWN_SECONDS * 1000})
    shown = found.pop("count")
    assert found == {"hits": 0, "made": [], "turned": [], "wide": []}, screen
    assert shown >= least, f"{screen} shows it in {shown} places, not {least}"


def test_nothing_that_somebody_writes_is_more_than_text(desk: Desk, browser: Browser) -> None:
    with seat(browser) as here:
        here.page.on("dialog", lambda dialog: _complain(here, dialog))
        here.page.add_init_script(TRAP)
        here.enter(desk.link("mallory", HOSTILE, "reviewer", "lead", "admin", "auditor", "operator", "policy_author"))
        here.choose_queue("refunds")
        here.open_row(HOSTILE_CASE)
        here.press("t")
        here.type(HOSTILE)
        here.press("Enter")
        expect(here.page.get_by_label(re.compile("^Remove .*<img"))).to_be_visible()
        here.press("Escape", "c")
        here.type(HOSTILE)
        here.press("Control+Enter")
        expect(here.page.get_by_label("Comments")).to_contain_text(SHOWN)
        here.press("Escape")
        # Its row, its question, title, two facts, tag, comment, and who wrote it.
        check(here, "triage", 6)

        ask_and_answer(desk, here)
        check(here, "answered", 5)
        here.press("p")
        here.page.get_by_label("Note", exact=True).fill(HOSTILE)
        here.page.get_by_text("other...").click()
        here.page.get_by_label("The other reason, in words").fill(HOSTILE)
        here.page.get_by_label("Amount to pay back (EUR)").fill("40.00")
        here.page.get_by_label("Message to the customer").fill(HOSTILE)
        # What would be carried out says the message, too.
        expect(here.page.get_by_text("What will be carried out")).to_be_visible()
        here.page.get_by_text("What will be carried out").click()
        expect(here.page.locator("details[open] pre")).to_contain_text("onerror")
        check(here, "deciding", 5)
        here.page.get_by_label("Amount to pay back (EUR)").focus()
        here.press("Enter")
        here.expect_status(re.compile(f"{HOSTILE_CASE}, Refund in part: (recorded|sent)"))
        check_the_other_screens(desk, here)
        check_what_models_say(desk, here)
        # What opened after the answer is somebody else's to decide.
        here.page.goto(desk.url)
        here.put_back()
    decision = desk.decision_on(HOSTILE_CASE)
    assert (decision["reason"]["note"], decision["reason"]["other_text"]) == (HOSTILE, HOSTILE)
    assert decision["outcome_params"] == {"amount": {"value": "40.00", "currency": "EUR"}, "message": HOSTILE}


def _complain(here: Seat, dialog: Dialog) -> None:
    # A page waits for the answer for as long as there is none.
    here.complaints.append(f"a dialog opened: {dialog.type} {dialog.message}")
    dialog.accept()


def ask_and_answer(desk: Desk, here: Seat) -> None:
    """A question and its answer; while it waits, leads see the question."""
    here.set_aside("i", HOSTILE)
    expect(here.page.get_by_text(f"{HOSTILE_CASE}: asked; the case comes back with the answer.")).to_be_visible()
    here.page.get_by_label("Pages").get_by_role("link", name="Cases").click()
    expect(here.page.get_by_role("row", name=re.compile("Waits for an answer"))).to_contain_text(SHOWN)
    check(here, "outside the queues", 2)
    here.page.get_by_label("Words, case id or subject").fill(HOSTILE_CASE)
    here.page.get_by_role("button", name="Keep this search").click()
    # Its name is a part of an address, so it has no slash.
    here.type("<img src=x onerror=hit()>\u202e")
    here.press("Enter")
    expect(here.page.get_by_role("button", name=re.compile("^<img")).first).to_be_visible()
    expect(here.page.get_by_role("row", name=re.compile(HOSTILE_CASE))).to_contain_text(SHOWN)
    check(here, "cases", 0)
    question = desk.read("activity.recorded", HOSTILE_CASE, kind="review.information_requested")
    desk.post(f"/cases/default/{HOSTILE_CASE}/updates", {
        "kind": "information_provided",
        "body": {"question_id": question["body"]["question_id"], "data": {"message": f"answered: {HOSTILE}"}},
    })  # fmt: skip
    here.page.goto(desk.url)
    here.choose_queue("refunds")
    here.open_row(HOSTILE_CASE)
    expect(here.page.locator("main")).to_contain_text(f"answered: {HOSTILE}")


def check_the_other_screens(desk: Desk, here: Seat) -> None:
    """One visit to each that shows what people or upstream wrote."""
    here.page.goto(f"{desk.url}/cases/default/{HOSTILE_CASE}")
    expect(here.page.get_by_label("Comments")).to_contain_text(SHOWN)
    expect(here.page.get_by_label("Terms")).to_contain_text(f"Message to the customer: {HOSTILE}")
    check(here, "case", 5)
    here.page.goto(f"{desk.url}/team")
    expect(here.page.get_by_role("row", name=re.compile("mallory"))).to_contain_text(SHOWN)
    check(here, "team", 1)
    here.page.goto(f"{desk.url}/audit")
    search = here.page.get_by_role("search", name="The log")
    search.get_by_label("Subject").fill(HOSTILE)
    search.get_by_role("button", name="Search").click()
    expect(here.page.get_by_text("case.created").first).to_be_visible()
    check(here, "audit", 0)
    here.press("Control+k")
    here.type(HOSTILE)
    expect(here.page.get_by_role("listbox", name="Found")).to_contain_text("<img")
    check(here, "palette", 1)
    here.press("Escape")
    here.page.goto(f"{desk.url}/policies")
    here.page.get_by_label("Policy", exact=True).select_option("default/refund")
    here.page.get_by_role("button", name="Write a new version").click()
    text = here.page.get_by_label("The policy, as YAML")
    said = text.input_value()
    text.fill(re.sub(r"^version: \d+", "version: 7", said, flags=re.MULTILINE) + f"# {ENDLESS}\n")
    here.page.get_by_label("Why", exact=True).fill(HOSTILE)
    here.page.get_by_role("button", name="Begin the draft").click()
    expect(here.page.get_by_role("region", name="Draft of version 7")).to_contain_text(SHOWN)
    check(here, "policies", 1)
    here.page.goto(f"{desk.url}/insight")
    here.page.get_by_label("Decision type").select_option("refund")
    expect(here.page.get_by_role("heading", name="Figures")).to_be_visible()
    check(here, "insight", 0)


def check_what_models_say(desk: Desk, here: Seat) -> None:
    """What upstream's model says of its proposal, and a text with what it names marked in it."""
    here.page.goto(desk.url)
    here.put_back()
    for queue, case_id in (("refunds", HOSTILE_PROPOSAL), ("moderation_senior", HOSTILE_POST)):
        here.choose_queue(queue)
        here.open_row(case_id)
        # The text itself; where the proposal is not withheld, also its reason, or what the text names.
        check(here, case_id, 1)
        if not here.withheld and case_id == HOSTILE_PROPOSAL:
            check(here, case_id, 2)
        elif not here.withheld:
            expect(here.page.locator("mark").first).to_be_visible()
        # What is prepared here goes back, too: the next test opens it.
        here.put_back()

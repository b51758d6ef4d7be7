"""What people do with each other at the desk: hand over, hold, return, stand in, settle what others see differently."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from playwright.sync_api import Browser, expect

from countersign_shared.clock import rfc3339, system_clock
from tests.e2e.console.hour import SENT_SECONDS, Hour
from tests.e2e.console.parts import DISPUTED, STRANGE, Desk
from tests.e2e.console.seats import Seat, seat

pytestmark = [pytest.mark.kafka, pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]


def test_work_passes_from_hand_to_hand(desk: Desk, browser: Browser) -> None:
    with seat(browser) as grete, seat(browser) as kurt:
        grete.enter(desk.link("grete-l", "Grete Lead", "reviewer", "lead", "admin"))
        kurt.enter(desk.link("kurt", "Kurt Colleague", "reviewer"))
        for here in (grete, kurt):
            here.choose_queue("refunds")

        # Handed over: it is the colleague's alone, who decides it.
        hand_over(grete, "refund-6", "Kurt Colleague")
        kurt.open_row("refund-6")
        Hour(desk, kurt).refund("refund-6")
        kurt.put_back()
        expect(grete.page.locator("button[title='refund-6']")).to_have_count(0)

        # On hold: nobody is offered it until a lead lets it go on.
        hold(grete, "refund-7")
        expect(kurt.page.locator("button[title='refund-7']")).to_have_count(0)
        grete.page.get_by_label("Pages").get_by_role("link", name="Cases").click()
        waiting = grete.page.get_by_role("row", name=re.compile("refund-7"))
        expect(waiting.first).to_contain_text("On hold")
        assert grete.serious_findings() == []
        waiting.get_by_role("button", name=re.compile("^Let it go on")).click()
        expect(kurt.page.locator("button[title='refund-7']")).to_be_visible()

        # Away: whoever hands work over is told.
        stand_in(desk, grete, away="Kurt Colleague", by="Grete Lead")
        kurt_is_away(desk, grete)

        # Nobody knows such a decision: it goes back to whoever sent it.
        grete.page.goto(desk.url)
        grete.choose_queue("unrouted")
        grete.open_row(STRANGE)
        more(grete, "Return to whoever sent it", "we decide no parcels")
        expect(grete.page.get_by_text(f"{STRANGE}: returned.")).to_be_visible()
    returned = desk.decision_on(STRANGE)
    assert (returned["closed_as"], returned["outcome"], returned["reason"]["codes"]) == (
        "withdrawn",
        None,
        ["returned"],
    )


def test_what_happens_elsewhere_to_the_open_case_is_said(desk: Desk, browser: Browser) -> None:
    with seat(browser) as here:
        here.enter(desk.link("sofia", "Sofia Kovalevskaya", "reviewer", "lead"))
        here.choose_queue("refunds")

        # Something has become more urgent since the next case was prepared: one key takes it first.
        here.open_row("refund-9")
        expect(here.page.locator("[data-prepared=true]")).to_be_visible()
        soon = rfc3339(system_clock() + timedelta(minutes=20))
        desk.post("/cases/default/refund-10/updates", {"kind": "deadline_changed", "body": {"deadline_at": soon}})
        expect(here.page.locator("nav[aria-label=Queue] button[title=refund-10]")).to_contain_text("min")
        here.press("s")
        here.expect_case(other_than="refund-9")
        expect(here.page.get_by_text("More urgent by now")).to_be_visible()
        assert here.serious_findings() == []
        here.press("u")
        expect(here.page.get_by_text("case refund-10", exact=True)).to_be_visible()

        # A long text is covered and shown by a key, and comes covered for whoever wants that.
        message = here.page.locator("[data-covered]", has_text="The kettle was broken")
        here.page.get_by_role("button", name="Sofia Kovalevskaya").click()
        # The menu has the focus once it is there: only then is it looked at.
        expect(here.page.get_by_role("menuitem", name="Light", exact=True)).to_be_focused()
        assert here.serious_findings() == []
        here.page.get_by_role("menuitem", name="Covered until I look").click()
        expect(message).to_have_attribute("data-covered", "true")
        assert here.serious_findings() == []
        here.press("h")
        expect(message).to_have_attribute("data-covered", "false")

        # Upstream wants no answer any more: the page says so, and by whom, and what to do.
        desk.post("/cases/default/refund-10/updates", {"kind": "withdrawn", "body": {"reason": "paid by mistake"}})
        expect(here.page.get_by_role("heading", name="refund-10")).to_be_focused()
        expect(here.page.get_by_role("main")).to_contain_text("The case was withdrawn.")
        expect(here.page.get_by_role("link", name="Look at the case")).to_be_visible()
        assert here.serious_findings() == []


def more(here: Seat, action: str, words: str) -> None:
    """Do what is done seldom with the open case, and say why."""
    here.page.get_by_role("button", name="More to do with this case").click()
    here.page.get_by_role("menuitem", name=action).click()
    expect(here.page.get_by_role("textbox", name=action)).to_be_focused()
    assert here.serious_findings() == []
    here.page.keyboard.type(words)
    here.press("Control+Enter")


def hand_over(here: Seat, case_id: str, colleague: str) -> None:
    here.open_row(case_id)
    here.page.get_by_role("button", name="More to do with this case").click()
    here.page.get_by_role("menuitem", name="Hand over to a colleague").click()
    expect(here.page.get_by_label("To", exact=True)).to_be_focused()
    assert here.serious_findings() == []
    here.page.get_by_label("To", exact=True).select_option(label=colleague)
    here.page.get_by_role("button", name="Hand over", exact=True).click()
    expect(here.page.get_by_text(f"{case_id}: handed over.")).to_be_visible()


def hold(here: Seat, case_id: str) -> None:
    here.open_row(case_id)
    more(here, "Hold without an outcome", "the police ask about it")
    expect(here.page.get_by_text(f"{case_id}: on hold.")).to_be_visible()


def stand_in(desk: Desk, here: Seat, *, away: str, by: str) -> None:
    here.page.goto(f"{desk.url}/team")
    here.page.get_by_label("Away").select_option(label=away)
    here.page.get_by_label("Stands in").select_option(label=by)
    here.page.get_by_label("Last day").fill((system_clock() + timedelta(days=2)).date().isoformat())
    here.page.get_by_role("button", name="Let them stand in from now on").click()
    expect(here.page.get_by_role("row", name=re.compile("Kurt Colleague.*Grete Lead"))).to_be_visible()


def kurt_is_away(desk: Desk, here: Seat) -> None:
    """Whoever might hand him something is told, until the standing in ends."""
    here.page.goto(desk.url)
    here.choose_queue("refunds")
    here.open_row("refund-8")
    here.page.get_by_role("button", name="More to do with this case").click()
    here.page.get_by_role("menuitem", name="Hand over to a colleague").click()
    expect(here.page.get_by_label("To", exact=True)).to_contain_text("Kurt Colleague (away; you stand in)")
    here.page.get_by_role("button", name="Not now").click()
    here.put_back()
    here.page.goto(f"{desk.url}/team")
    here.page.get_by_role("button", name=re.compile("^End now .*Kurt")).click()
    expect(here.page.get_by_text("Nobody stands in for anybody now.")).to_be_visible()


def test_a_lead_settles_what_two_people_see_differently(desk: Desk, browser: Browser) -> None:
    with seat(browser) as first, seat(browser) as second, seat(browser) as lead:
        for here, name, key in ((first, "marlyn", "a"), (second, "frances", "r"), (lead, "adele", "r")):
            here.enter(desk.link(name, name.title(), *(("reviewer", "lead") if name == "adele" else ("reviewer",))))
            here.choose_queue("moderation_senior")
            here.open_row(DISPUTED)
            # Nobody learns who was before them, and only who settles it learns what was said.
            expect(here.page.locator("main")).not_to_contain_text(re.compile("Marlyn|Frances"))
            opinions = here.page.locator("section", has_text="Two people differ; you settle it").get_by_role("listitem")
            expect(opinions).to_have_count(2 if here is lead else 0)
            if here is lead:
                expect(opinions).to_have_text([re.compile("Opinion 1: Leave it"), re.compile("Opinion 2: Remove it")])
                assert here.serious_findings() == []
            answer(here, key)
            Hour(desk, here).confirm(key)
            here.put_back()
        lead.expect_status(f"{DISPUTED}, Remove it: sent", seconds=SENT_SECONDS)
    decision = desk.decision_on(DISPUTED)
    assert (decision["outcome"], len(decision["deciders"])) == ("remove", 3)


def answer(here: Seat, key: str) -> None:
    """Press the outcome, then give each kind of reason that is asked for."""
    here.press(key)
    if here.page.get_by_text("principal reasons").count():
        here.press("1", "Tab", "Space", "Enter")
    elif here.page.get_by_text("Still needed").count():
        here.press("1", "Enter")
    here.expect_status(re.compile(f"{DISPUTED}, .*: (recorded|sent|kept)"))

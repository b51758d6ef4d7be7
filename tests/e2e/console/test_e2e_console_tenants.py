"""Cases of several tenants: whoever sees them tells them apart. The last file, since its case stays at the desk."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, expect

from countersign_shared.clock import rfc3339, system_clock
from tests.e2e.console.hour import SENT_SECONDS
from tests.e2e.console.parts import Desk
from tests.e2e.console.seats import seat

pytestmark = [pytest.mark.kafka, pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]

CASE = "elsewhere-1"


def test_whoever_sees_two_tenants_tells_them_apart_and_works_for_one(desk: Desk, browser: Browser) -> None:
    with seat(browser) as here:
        here.enter(desk.link("ruth", "Ruth Teitelbaum"))
        here.choose_queue("refunds")
        expect(here.page.locator("nav[aria-label=Queue] li").first).to_be_visible()
        tenant = here.page.get_by_label("Tenant to work for")
        expect(tenant).to_have_count(0)
        desk.bring({
            "tenant": "elsewhere", "case_id": CASE, "decision_type": "refund", "subject_ref": "customer-8",
            "payload": {"order_id": "E-1", "amount": {"value": "9.90", "currency": "EUR"}, "message": "It is broken."},
            "submitted_by": "shop", "occurred_at": rfc3339(system_clock()),
            "amount": {"value": "9.90", "currency": "EUR"},
        })  # fmt: skip
        expect(here.row(CASE)).to_be_visible(timeout=SENT_SECONDS * 1000)
        here.page.reload()
        expect(tenant).to_be_visible()
        here.press("w")
        expect(tenant).to_be_focused()
        here.press("e")
        expect(tenant).to_have_value("elsewhere")
        here.press("Enter")
        rows = here.page.locator("nav[aria-label=Queue] li")
        expect(rows).to_have_count(1)
        expect(rows).to_contain_text("elsewhere")
        assert here.serious_findings() == []
        here.open_next()
        assert here.case_id == CASE
        own = here.page.url
        assert own == f"{desk.url}/?queue=refunds&tenant=elsewhere"
        # A list of another queue or tenant than the open case's is told from its own, which one press leads back to.
        told = here.page.locator("nav[aria-label=Queue]").get_by_role("status")
        tenant.select_option("default")
        here.choose_queue("underwriting")
        expect(told).to_contain_text("The open case is of Refunds of elsewhere, not of this list.")
        here.page.get_by_role("button", name="Show the list of Refunds of elsewhere").press("Enter")
        expect(told).to_be_empty()
        expect(here.page).to_have_url(own)
        expect(tenant).to_have_value("elsewhere")
        here.put_back()
        here.page.get_by_label("Pages").get_by_role("link", name="Cases").click()
        expect(here.page.get_by_role("row", name=re.compile(f"{CASE} *elsewhere"))).to_be_visible()
        here.page.get_by_label("Tenant", exact=True).select_option("default")
        expect(here.page.get_by_role("row", name=re.compile("elsewhere"))).to_have_count(0)


def test_an_administrator_of_one_tenant_is_offered_what_they_may_do_to_whom(desk: Desk, browser: Browser) -> None:
    with seat(browser) as here:
        for username, tenants in (("nora", ["elsewhere"]), ("otto", ["elsewhere"]), ("petra", ["elsewhere", "south"])):
            roles = ["admin"] if username == "nora" else ["reviewer"]
            made = desk.post("/users", {
                "username": username, "display_name": username.title(), "roles": roles, "tenants": tenants,
            })  # fmt: skip
            if username == "nora":
                password = made["password"]
        here.page.goto(desk.url)
        here.page.get_by_label("Name", exact=True).fill("nora")
        here.page.get_by_label("Password", exact=True).fill(password)
        here.press("Enter")
        here.page.get_by_label("Pages").get_by_role("link", name="Team").click()
        row = here.page.get_by_label("People", exact=True).get_by_role("row")
        otto, petra = (row.filter(has_text=name) for name in ("Otto", "Petra"))
        expect(otto.get_by_role("button", name="Change Otto")).to_be_visible()
        expect(petra).to_contain_text("elsewhere and others")
        expect(petra).to_contain_text("also acts for tenants that are not yours")
        expect(petra.get_by_role("button")).to_have_count(0)
        expect(row.filter(has_text="south")).to_have_count(0)
        here.page.get_by_role("button", name="Add somebody").click()
        expect(here.page.get_by_label("Tenants, of yours: elsewhere")).to_have_value("elsewhere")
        here.page.get_by_label("Tenants, of yours: elsewhere").fill("*")
        here.page.get_by_label("Name to sign in with").fill("dan")
        here.page.get_by_label("Name", exact=True).fill("Dan")
        here.page.get_by_role("button", name="Add", exact=True).click()
        expect(here.page.get_by_role("alert")).to_contain_text("You do not look after all tenants")
        assert here.serious_findings() == []
        # What one may not do for all tenants is not offered for all of them: automation of one's own can be stopped.
        pages = here.page.get_by_label("Pages")
        pages.get_by_role("link", name="Policies").click()
        expect(here.page.get_by_text("None of your tenants has a policy of its own.")).to_be_visible()
        pages.get_by_role("link", name="Audit").click()
        expect(here.page.get_by_text("The whole log holds every tenant")).to_be_visible()
        expect(here.page.get_by_role("link", name="The whole log")).to_have_count(0)
        pages.get_by_role("link", name="Controls").click()
        here.page.get_by_label("Why", exact=True).fill("A wrong price list.")
        here.page.get_by_role("button", name="Stop all automation for elsewhere now").click()
        expect(here.page.get_by_role("heading", name="Stopped: everything of elsewhere")).to_be_visible()
        expect(here.page.get_by_label("Why automation may go on")).to_be_visible()
        assert here.serious_findings() == []

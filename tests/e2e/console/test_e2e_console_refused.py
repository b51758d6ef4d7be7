"""What the console says, and still lets people do, when the server refuses, breaks or takes its time."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from playwright.sync_api import Browser, Route, ViewportSize, expect

from countersign_shared.clock import rfc3339, system_clock
from tests.e2e.console.parts import LONG_ID, Desk, refund
from tests.e2e.console.seats import DESK_SIZE, PHONE_SIZE, seat

pytestmark = [pytest.mark.kafka, pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]

QUEUES = re.compile(r"/api/review/v1/queues\?")
ITEMS = re.compile(r"/api/review/v1/queues/[^/]+/items")
CASE = re.compile(r"/api/review/v1/cases/default/[^/]+$")
CONTROLS = re.compile(r"/api/router/v1/controls(\?|$)")
PROPOSALS = re.compile(r"/api/router/v1/controls/proposals$")
POLICIES = re.compile(r"/api/router/v1/policies\?")
TYPES = re.compile(r"/api/(review|router)/v1/decision-types$")
FOUND = re.compile(r"/api/review/v1/cases\?.*subject=")
LEFT = re.compile(r"/api/review/v1/claims/[^/]+/(skip|release)$")
COLLEAGUES = re.compile(r"/api/review/v1/colleagues$")

# Remembers everything that was ever on the page.
LISTEN = """
window.heard = "";
new MutationObserver(() => (window.heard += document.body?.innerText ?? ""))
  .observe(document, { subtree: true, childList: true, characterData: true });
"""


def breaks(route: Route) -> None:
    """Answer as a service does when it has a defect."""
    problem = {
        "type": "https://countersign.dev/problems/internal-error", "title": "Something broke on our side",
        "status": 500, "detail": "It is logged under trace_id.", "trace_id": "4bf92f35",
    }  # fmt: skip
    route.fulfill(status=500, content_type="application/problem+json", json=problem)


def test_nobody_is_told_that_nothing_waits_while_the_queues_cannot_be_read(desk: Desk, browser: Browser) -> None:
    with seat(browser) as here:
        here.page.route(QUEUES, breaks)
        here.page.goto(desk.link("lois", "Lois Haibt"))
        heading = here.page.get_by_role("heading", level=1)
        expect(heading).to_be_focused()
        expect(heading).to_have_text("Your queues could not be read")
        expect(here.page.locator("main")).to_contain_text("in the log under 4bf92f35")
        assert here.serious_findings() == []
        here.page.unroute(QUEUES)
        here.page.get_by_role("button", name="Read the queues again").press("Enter")
        expect(heading).to_have_text("Ready when you are")
        here.page.route(ITEMS, breaks)
        here.page.reload()
        expect(here.page.get_by_role("alert").filter(has_text="The list could not be read.")).to_be_visible()


def test_nobody_is_told_that_nothing_waits_before_the_queues_are_read(desk: Desk, browser: Browser) -> None:
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    with seat(browser) as here:
        here.page.add_init_script(LISTEN)
        here.page.route(QUEUES, hold)
        with here.page.expect_response(re.compile("/api/review/v1/claims$")) as claims:
            here.page.goto(desk.link("lois", "Lois Haibt"))
        claims.value.finished()
        expect(here.page.locator("main [aria-busy=true]")).to_be_visible()
        for route in held:
            route.continue_()
        here.page.unroute(QUEUES)
        expect(here.page.get_by_role("heading", name="Ready when you are")).to_be_focused()
        heard = here.page.evaluate("window.heard")
        assert "Ready when you are" in heard
        assert "Nothing waits" not in heard


def test_automation_can_be_stopped_while_nobody_can_say_what_holds(desk: Desk, browser: Browser) -> None:
    with seat(browser) as here:
        here.enter(desk.link("margaret", "Margaret Hamilton", "operator"))
        here.page.route(CONTROLS, breaks)
        here.page.goto(f"{desk.url}/controls")
        expect(here.page.get_by_role("alert").filter(has_text="Something broke on our side.")).to_be_visible()
        here.page.get_by_label("Why", exact=True).fill("it approves everything")
        expect(here.page.get_by_role("button", name="Stop all automation now")).to_be_enabled()


def test_a_page_that_waits_for_its_answer_says_so(desk: Desk, browser: Browser) -> None:
    with seat(browser) as here:
        here.enter(desk.link("gladys", "Gladys West", "analyst"))
        here.page.route(POLICIES, lambda _route: None)
        here.page.goto(f"{desk.url}/policies")
        expect(here.page.locator("main").get_by_text("Loading \u2026")).to_be_visible()


def test_each_field_that_was_wrong_is_told_apart(desk: Desk, browser: Browser) -> None:
    with seat(browser) as here:
        here.enter(desk.link("admiral", "Admiral", "admin"))
        here.page.goto(f"{desk.url}/team")
        here.page.get_by_role("button", name="Add somebody").click()
        here.page.get_by_label("Name to sign in with").fill("\u00c4 b")
        here.page.get_by_label("Name", exact=True).fill("x" * 150)
        here.page.get_by_role("button", name="Add", exact=True).click()
        told = here.page.get_by_role("alert").filter(has_text="display name: must have at most 100 characters.")
        expect(told).to_contain_text(re.compile("^username: must be .*; display name: "))


def test_what_is_doubtful_about_a_policy_in_force_stands_beside_it(desk: Desk, browser: Browser) -> None:
    doubt = {
        "path": "outcomes", "message": "what may be automated is not what it was", "line": 0, "column": 0,
        "hint": "publish it as a new version", "length": 1, "severity": "warning",
    }  # fmt: skip

    def doubted(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, json={**answer.json(), "diagnostics": [doubt]})

    with seat(browser) as here:
        here.enter(desk.link("gladys", "Gladys West", "analyst"))
        here.page.goto(f"{desk.url}/policies?policy=default/refund")
        expect(here.page.get_by_role("heading", name="Rules")).to_be_visible()
        expect(here.page.get_by_role("region", name="Doubts")).to_have_count(0)
        here.page.route(re.compile(r"/api/router/v1/policies/[0-9a-f]{64}$"), doubted)
        here.page.reload()
        doubts = here.page.get_by_role("region", name="Doubts")
        expect(doubts).to_contain_text("what may be automated is not what it was; publish it as a new version")


def test_whoever_signs_reads_what_is_promised_and_what_was_not_looked_at(desk: Desk, browser: Browser) -> None:
    certificate = {
        "threshold": 0.9474, "alpha": 0.02, "delta": 0.05, "errors": 1, "labels": 1262,
        "model": {"name": "refund-approve", "version": "3"}, "calibrator_version": None,
    }  # fmt: skip
    waits = {
        "becomes": "certificate.active", "tenant": "default", "decision_type": "refund", "tier": "low", "revision": 1,
        "sha256": "5d" * 32, "why": "there is none yet", "state": certificate, "certificates_voided": [],
        "doubts": ["its labels were not compared with traffic: 3 of 200 confidences known"], "signatures_needed": 2,
        "said": [],
    }  # fmt: skip
    with seat(browser) as here:
        here.enter(desk.link("gladys", "Gladys West", "lead"))
        here.page.route(PROPOSALS, lambda route: route.fulfill(json={"items": [waits]}))
        here.page.goto(f"{desk.url}/controls")
        waiting = here.page.locator("section", has=here.page.get_by_role("heading", name="Waiting for signatures"))
        expect(waiting).to_contain_text("From a confidence of 0.9474 on at most 2 % are wrong, 95 % sure (1 of")
        expect(waiting).to_contain_text("Before you sign: its labels were not compared with traffic: 3 of 200")
        assert here.serious_findings() == []


def test_what_is_written_of_a_policy_outlives_a_look_at_another_page(desk: Desk, browser: Browser) -> None:
    with seat(browser) as here:
        here.enter(desk.link("kathe", "Kathe Jacoby", "policy_author"))
        here.page.goto(f"{desk.url}/policies?policy=default/loan_application")
        here.page.get_by_role("button", name="Write a new version").click()
        text = here.page.get_by_label("The policy, as YAML")
        loans = f"# {'thought about ' * 3}\n{text.input_value()}"
        text.fill(loans)
        asks = "() => !window.dispatchEvent(new Event('beforeunload', {cancelable: true}))"
        assert here.page.evaluate(asks), "the tab may be closed although something is unsaved"
        policy = here.page.get_by_label("Policy", exact=True)
        policy.select_option("default/refund")
        expect(here.page.get_by_role("button", name="Write a new version")).to_be_visible()
        pages = here.page.get_by_label("Pages")
        pages.get_by_role("link", name="Controls").click()
        pages.get_by_role("link", name="Policies").click()
        policy.select_option("default/loan_application")
        expect(text).to_have_value(loans)
        here.page.get_by_role("button", name="Not now").click()
        here.page.get_by_role("button", name="Write a new version").click()
        expect(text).not_to_have_value(loans)
        assert not here.page.evaluate(asks)


def test_a_draft_is_saved_as_soon_as_the_server_has_it(desk: Desk, browser: Browser) -> None:
    with seat(browser) as here:
        here.enter(desk.link("saskia", "Saskia Author", "policy_author"))
        here.page.goto(f"{desk.url}/policies?policy=default/refund")
        here.page.get_by_role("button", name="Write a new version").click()
        text = here.page.get_by_label("The policy, as YAML")
        text.fill(f"# thought about\n{text.input_value()}")
        here.page.get_by_label("Why", exact=True).fill("after some thought")
        asks = "!window.dispatchEvent(new Event('beforeunload', {cancelable: true}))"
        assert here.page.evaluate(asks)
        # It is kept, and what the page reads after that does not come.
        here.page.route(
            "**/api/router/v1/policies/drafts**",
            lambda route: route.fulfill(status=201, json={}) if route.request.method == "POST" else None,
        )
        here.page.get_by_role("button", name="Begin the draft").click()
        here.page.wait_for_function(f"() => !({asks})")
        here.page.get_by_label("Pages").get_by_role("link", name="Controls").click()
        here.page.unroute_all()
        here.page.get_by_label("Pages").get_by_role("link", name="Policies").click()
        expect(here.page.get_by_role("button", name="Write a new version")).to_be_visible()
        expect(text).to_have_count(0)


def test_a_name_without_an_end_stays_in_its_card(desk: Desk, browser: Browser) -> None:
    with seat(browser) as here:
        desk.person("w" * 60)
        here.enter(desk.link("admiral", "Admiral", "admin"))
        here.page.goto(f"{desk.url}/team?person={'w' * 60}")
        here.page.set_viewport_size({"width": 390, "height": 844})
        heading = here.page.get_by_role("heading", name="Change Www")
        expect(heading).to_be_visible()
        box = heading.bounding_box()
        assert box
        assert box["x"] + box["width"] <= 390
        assert heading.evaluate("(one) => one.scrollWidth <= one.clientWidth")


def test_an_id_without_an_end_leaves_its_case_on_a_phones_screen(desk: Desk, browser: Browser) -> None:
    with seat(browser, viewport=PHONE_SIZE) as here:
        here.enter(desk.link("mina", "Mina Rees"))
        here.page.goto(f"{desk.url}/cases/default/{LONG_ID}")
        facts = here.page.locator("section").filter(has_text="Customer's message")
        expect(facts).to_be_visible()
        expect(here.page.get_by_text(LONG_ID)).to_be_visible()
        box = facts.bounding_box()
        assert box
        assert box["x"] + box["width"] <= PHONE_SIZE["width"]


@pytest.mark.parametrize("size", [DESK_SIZE, PHONE_SIZE])
def test_an_id_without_an_end_stays_in_the_palette(desk: Desk, browser: Browser, size: ViewportSize) -> None:
    with seat(browser, viewport=size) as here:
        here.enter(desk.link("mina", "Mina Rees"))
        here.press("Control+k")
        here.type(LONG_ID)
        found = here.page.get_by_role("listbox", name="Found")
        case = found.get_by_role("option").filter(has_text="Refund of")
        expect(case).to_contain_text(LONG_ID)
        assert found.evaluate("(list) => list.scrollWidth <= list.clientWidth")
        widths = case.evaluate("(one) => [one, ...one.children].map((part) => part.getBoundingClientRect().width)")
        # Whoever looks for a case by its title can read that in a line or two.
        assert widths[1] > widths[0] / 3


def test_what_is_shown_already_is_called_old_where_it_cannot_be_read_anew(desk: Desk, browser: Browser) -> None:
    with seat(browser) as here:
        here.enter(desk.link("gertrude", "Gertrude Blanch"))
        here.choose_queue("refunds")
        row = here.page.locator("nav[aria-label=Queue] button[title=refund-9]")
        expect(row).to_be_visible()
        here.page.route(ITEMS, breaks)
        move_deadline(desk, "refund-9", timedelta(hours=3))
        expect(here.page.get_by_role("status").filter(has_text="This list could not be read anew")).to_be_visible()
        expect(row).to_be_visible()
        here.page.unroute(ITEMS)
        here.page.goto(f"{desk.url}/cases/default/refund-9")
        expect(here.page.get_by_role("heading", name="Refund of")).to_be_focused()
        here.page.route(CASE, breaks)
        move_deadline(desk, "refund-9", timedelta(hours=4))
        expect(here.page.get_by_role("status").filter(has_text="This case could not be read anew")).to_be_visible()
        assert here.serious_findings() == []


def test_a_list_that_names_what_a_page_shows_says_so_when_it_could_not_be_read(desk: Desk, browser: Browser) -> None:
    with seat(browser) as here:
        desk.person("elspeth")
        here.enter(desk.link("admiral", "Admiral", "admin"))
        told = here.page.get_by_role("alert").filter(has_text="could not be read")
        for listed in (TYPES, COLLEAGUES):
            here.page.route(listed, breaks)
        here.page.goto(f"{desk.url}/team")
        expect(told).to_contain_text("The colleagues and kinds of decision could not be read")
        expect(told).to_contain_text("in the log under 4bf92f35")
        assert here.serious_findings() == []
        again = here.page.get_by_role("button", name="Read them again")
        again.press("Enter")
        expect(again).to_be_enabled()
        expect(again).to_be_focused()
        here.page.unroute(COLLEAGUES)
        again.press("Enter")
        expect(told).to_contain_text("The kinds of decision could not be read")
        here.page.unroute(TYPES)
        again.press("Enter")
        expect(told).to_have_count(0)
        expect(here.page.get_by_role("heading", level=1)).to_be_focused()
        expect(here.page.get_by_label("Away", exact=True)).to_contain_text("elspeth", ignore_case=True)


@pytest.mark.parametrize(("key", "done"), [("s", "skipped"), ("b", "put back")])
def test_a_case_that_could_not_be_given_up_is_named(desk: Desk, browser: Browser, key: str, done: str) -> None:
    with seat(browser) as here:
        here.enter(desk.link("evelyn", "Evelyn Boyd"))
        desk.bring(refund(f"refund-{key}", "S-1"))
        here.choose_queue("refunds")
        here.open_row(f"refund-{key}")
        here.expect_held()
        here.page.route(LEFT, breaks)
        here.press(key)
        told = here.page.get_by_role("alert").filter(has_text=f"refund-{key} was not {done}.")
        expect(told).to_contain_text("in the log under 4bf92f35")
        expect(here.row(f"refund-{key}")).to_contain_text("held for you")
        here.page.unroute(LEFT)
        here.open_row(f"refund-{key}")
        expect(told).to_have_count(0)
        here.put_back()


def test_the_palette_says_that_it_could_not_look_for_cases_and_looks_once_more(desk: Desk, browser: Browser) -> None:
    with seat(browser) as here:
        here.enter(desk.link("mina", "Mina Rees"))
        here.page.route(FOUND, breaks)
        here.press("Control+k")
        here.type("customer-8")
        told = here.page.get_by_role("alert").filter(has_text="Not all cases could be looked for.")
        expect(told).to_contain_text("in the log under 4bf92f35")
        assert here.serious_findings() == []
        found = here.page.get_by_role("listbox", name="Found").get_by_role("option")
        again = found.filter(has_text="Look for the cases once more")
        here.press("ArrowUp")
        expect(again).to_have_attribute("aria-selected", "true")
        with here.page.expect_response(FOUND):
            here.press("Enter")
        expect(told).to_contain_text("in the log under 4bf92f35")
        expect(again).to_have_attribute("aria-selected", "true")
        here.page.unroute(FOUND)
        here.press("Enter")
        expect(told).to_have_count(0)
        expect(again).to_have_count(0)
        expect(found.filter(has_text="refund-")).not_to_have_count(0)
        expect(here.page.get_by_role("combobox", name="Search and act")).to_be_focused()


@pytest.mark.parametrize("size", [DESK_SIZE, PHONE_SIZE])
def test_a_stop_says_so_where_the_kinds_of_decision_could_not_be_read(
    desk: Desk, browser: Browser, size: ViewportSize
) -> None:
    with seat(browser, viewport=size) as here:
        here.enter(desk.link("margaret", "Margaret Hamilton", "operator"))
        here.page.route(TYPES, breaks)
        here.page.goto(f"{desk.url}/controls")
        told = here.page.get_by_role("alert").filter(has_text="The kinds of decision could not be read")
        expect(told).to_be_visible()
        assert told.evaluate("(one) => one.scrollWidth <= one.clientWidth")
        kinds = here.page.get_by_label("What to stop").get_by_role("option")
        expect(kinds).to_have_count(1)
        here.page.unroute(TYPES)
        here.page.get_by_role("button", name="Read them again").press("Enter")
        expect(told).to_have_count(0)
        assert kinds.count() > 1


def move_deadline(desk: Desk, case_id: str, ahead: timedelta) -> None:
    until = rfc3339(system_clock() + ahead)
    desk.post(f"/cases/default/{case_id}/updates", {"kind": "deadline_changed", "body": {"deadline_at": until}})

"""What is done at the console where the server refuses it, is away or takes its time, and where it is pressed twice."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from tests.e2e.console.long_queue import fill_queue
from tests.e2e.console.parts import Desk, refund
from tests.e2e.console.seats import SHOWN_SECONDS, Seat, seat

pytestmark = [pytest.mark.kafka, pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]

QUEUE = "pressed"
TAKEN = re.compile(r"/api/review/v1/queues/[^/]+/claims")
OPENED = re.compile(r"/api/review/v1/claims/[^/]+/opened")
DECIDED = re.compile(r"/api/review/v1/claims/[^/]+/decision$")
UNDONE = re.compile(r"/api/review/v1/decisions/[^/]+/undo$")
ASKED = re.compile(r"/api/review/v1/claims/[^/]+/information$")
SKIPPED = re.compile(r"/api/review/v1/claims/[^/]+/skip$")
COMMENTS = re.compile(r"/api/review/v1/cases/default/[^/]+/comments$")
TAGS = re.compile(r"/api/review/v1/cases/default/[^/]+/tags$")
LET_GO = re.compile(r"/api/review/v1/reviews/[^/]+/unblock$")
STOPPED = re.compile(r"/api/router/v1/controls/stop$")
PROPOSALS = re.compile(r"/api/router/v1/controls/proposals$")
SIGNED = re.compile(r"/api/router/v1/controls/proposals/sign$")
PROOF = re.compile(r"/api/audit/v1/cases/[^/]+/proof")

# As services say it, with what the person reads of it; what is away is asked again by itself where that is safe.
REFUSALS = {
    409: ("changed-meanwhile", "Changed meanwhile", "Somebody was quicker: read it anew.", "Somebody was quicker"),
    422: ("not-valid", "Not valid", "The words are not what is wanted.", "The words are not what is wanted"),
    429: ("too-many-writes", "Too many writes", "Nothing was changed; try again in 2 s.", "try again in 2 s"),
    503: ("service-unavailable", "The service does not answer", "ReadError; try again.", "does not answer"),
}
PROPOSAL = {
    "becomes": "certificate.active", "tenant": "default", "decision_type": "refund", "tier": "low", "revision": 1,
    "sha256": "5d" * 32, "why": "there is none yet", "certificates_voided": [], "doubts": [], "signatures_needed": 2,
    "said": [], "state": {
        "threshold": 0.9474, "alpha": 0.02, "delta": 0.05, "errors": 1, "labels": 1262, "calibrator_version": None,
        "model": {"name": "refund-approve", "version": "3"},
    },
}  # fmt: skip


@dataclass
class Wire:
    """What one kind of write meets on its way, and what was sent of it."""

    page: Page
    address: re.Pattern[str]
    status: int | None = None
    method: str = "POST"
    held: list[Route] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.route(self.address, self._meet)

    def _meet(self, route: Route) -> None:
        if route.request.method != self.method:
            route.fallback()
            return
        self.keys.append(route.request.headers.get("idempotency-key", route.request.url))
        if self.status is None:
            self.held.append(route)
        else:
            self._refuse(route, self.status)

    @staticmethod
    def _refuse(route: Route, status: int) -> None:
        slug, title, detail, _ = REFUSALS[status]
        problem = {"type": f"https://countersign.dev/problems/{slug}", "title": title, "status": status}
        route.fulfill(status=status, content_type="application/problem+json", json={**problem, "detail": detail})

    def until_sent(self, times: int) -> None:
        deadline = time.monotonic() + SHOWN_SECONDS
        while len(self.keys) < times:
            assert time.monotonic() < deadline, f"{self.address.pattern} was sent {len(self.keys)} times"
            self.page.wait_for_timeout(10)

    def refuse_what_is_held(self, sent: int, status: int, told: Locator) -> None:
        """Answer the one that waits, the last of so many, and see that told: another would have been sent by then."""
        self.until_sent(sent)
        self._refuse(self.held[0], status)
        expect(told).to_contain_text(words_of(status))

    def let_go(self) -> None:
        """Let the real server answer what is held, and everything from now on."""
        self.page.unroute(self.address)


def words_of(status: int) -> str:
    return REFUSALS[status][3]


def refused_each_way(wire: Wire, told: Locator) -> Iterator[int]:
    """For each refusal: whoever iterates presses; what happened is then read on the page."""
    for status in REFUSALS:
        wire.status, sent = status, len(wire.keys)
        yield status
        wire.until_sent(sent + 1)
        expect(told).to_contain_text(words_of(status))
    wire.status = None


@pytest.fixture(scope="module", autouse=True)
def queue(desk: Desk) -> None:
    desk.aside.run(fill_queue(desk.stack.database_url, QUEUE, 16))


def alert(here: Seat) -> Locator:
    return here.page.get_by_role("main").get_by_role("alert").filter(has_text=re.compile("."))


def at_the_desk(desk: Desk, here: Seat, name: str) -> str:
    here.enter(desk.link(name, name.title()))
    here.choose_queue(QUEUE)
    here.open_next()
    here.expect_held()
    expect(here.page.locator("[data-prepared=true]")).to_be_visible()
    return here.case_id


@pytest.mark.parametrize("how", ["key", "button"])
def test_an_outcome_that_is_pressed_twice_decides_one_case(desk: Desk, browser: Browser, how: str) -> None:
    with seat(browser) as here:
        first = at_the_desk(desk, here, f"pressed-{how}")
        wire = Wire(here.page, DECIDED)
        if how == "key":
            here.press("a", "a")
        else:
            here.page.get_by_role("group", name="Decide").get_by_role("button", name="Approve").dblclick()
        here.expect_case(other_than=first)
        here.expect_status(re.compile(f"{first}, Approve: being recorded"))
        second = here.case_id
        wire.until_sent(1)
        here.page.wait_for_timeout(500)
        assert len(wire.keys) == 1
        expect(here.page.get_by_text(f"case {second}", exact=True)).to_be_visible()
        wire.let_go()
        here.expect_status(re.compile(f"{first}, Approve: (recorded|sent)"))
        # The next press is one for the next case.
        here.press("a")
        here.expect_status(re.compile(f"{second}, Approve: (recorded|sent)"))
        here.put_back()


def test_a_skip_that_is_pressed_twice_skips_one_case(desk: Desk, browser: Browser) -> None:
    with seat(browser) as here:
        first = at_the_desk(desk, here, "skipping-sara")
        wire = Wire(here.page, SKIPPED)
        here.press("s", "s")
        here.expect_case(other_than=first)
        wire.until_sent(1)
        assert len(wire.keys) == 1
        wire.let_go()
        here.put_back()


def test_a_decision_that_is_refused_is_named_and_can_be_made_again(desk: Desk, browser: Browser) -> None:
    with seat(browser) as here:
        case_id = at_the_desk(desk, here, "refused-dora")
        here.press("n")
        here.type("called the branch")
        here.press("Escape")
        wire = Wire(here.page, DECIDED)
        for status in (409, 422, 429):
            wire.status = status
            here.press("a")
            told = here.page.get_by_role("alert").filter(
                has_text=f"{case_id}: your \u201cApprove\u201d was not recorded"
            )
            expect(told).to_contain_text(words_of(status))
            told.get_by_role("button", name="Look at it again").click()
            expect(here.page.get_by_text(f"case {case_id}", exact=True)).to_be_visible()
            here.expect_case()
            expect(here.page.get_by_label("Note", exact=True)).to_have_value("called the branch")
        wire.status, before = 503, len(wire.keys)
        here.press("a")
        here.expect_status(f"{case_id}, Approve: not recorded yet")
        wire.status = None
        wire.until_sent(before + 2)
        assert len(set(wire.keys[before:])) == 1
        wire.let_go()
        here.expect_status(re.compile(f"{case_id}, Approve: (recorded|sent)"))
        here.put_back()


def test_a_decision_that_could_not_be_taken_back_is_said_to_stand(desk: Desk, browser: Browser) -> None:
    with seat(browser) as here:
        case_id = at_the_desk(desk, here, "undone-ute")
        here.press("a")
        here.expect_case(other_than=case_id)
        here.expect_status(f"{case_id}, Approve: recorded")
        wire = Wire(here.page, UNDONE)
        undo = here.page.get_by_role("button", name="Undo", exact=True)
        told = here.page.get_by_role("alert").filter(has_text=f"{case_id} was not taken back")
        for _ in refused_each_way(wire, told):
            undo.click()
        undo.dblclick()
        wire.until_sent(5)
        wire.let_go()
        expect(here.page.get_by_text(f"case {case_id}", exact=True)).to_be_visible()
        assert len(wire.keys) == 5
        expect(told).to_have_count(0)
        here.put_back()


def test_a_case_that_could_not_be_taken_is_asked_for_again(desk: Desk, browser: Browser) -> None:
    with seat(browser) as here:
        here.enter(desk.link("taken-tilda", "Taken Tilda"))
        here.choose_queue(QUEUE)
        expect(here.page.get_by_role("heading", name="Ready when you are")).to_be_visible()
        wire = Wire(here.page, TAKEN)
        for _ in refused_each_way(wire, here.page.get_by_role("main")):
            here.press("Enter")
            expect(here.page.get_by_role("heading", level=1, name="That did not work")).to_be_focused()
        here.press("Enter", "Enter")
        wire.until_sent(5)
        expect(here.page.locator("main [aria-busy=true]")).to_be_visible()
        wire.let_go()
        here.expect_case()
        here.put_back()


@pytest.mark.parametrize("status", [429, 503])
def test_a_case_whose_opening_was_not_heard_at_once_is_held_all_the_same(
    desk: Desk, browser: Browser, status: int
) -> None:
    with seat(browser) as here:
        here.enter(desk.link(f"heard-{status}", "Heard Hedda"))
        here.choose_queue(QUEUE)
        wire = Wire(here.page, OPENED, status)
        here.open_next()
        wire.until_sent(1)
        wire.let_go()
        here.expect_held()
        here.put_back()


def test_a_question_that_could_not_be_asked_is_kept_and_asked_once(desk: Desk, browser: Browser) -> None:
    with seat(browser) as here:
        case_id = at_the_desk(desk, here, "asking-asta")
        wire = Wire(here.page, ASKED)
        here.press("i")
        question = here.page.get_by_role("textbox", name="Ask for information")
        here.type("which colour was it")
        for _ in refused_each_way(wire, alert(here)):
            here.press("Control+Enter")
            expect(question).to_have_value("which colour was it")
        expect(question).to_be_focused()
        here.press("Control+Enter", "Control+Enter")
        wire.until_sent(5)
        # Somebody who does not wait for the answer works on another case, and stays there.
        other = here.page.locator("nav[aria-label=Queue] button[aria-current=false]").last
        name = other.get_attribute("title")
        other.click()
        expect(here.page.get_by_text(f"case {name}", exact=True)).to_be_visible()
        wire.let_go()
        expect(here.page.get_by_role("status").filter(has_text=f"{case_id}: asked")).to_be_visible()
        expect(here.page.get_by_text(f"case {name}", exact=True)).to_be_visible()
        assert len(wire.keys) == 5
        here.put_back()


def test_tags_that_are_typed_one_after_the_other_are_all_kept(desk: Desk, browser: Browser) -> None:
    with seat(browser) as here:
        desk.bring(refund("refund-pressed", "P-1"))
        here.enter(desk.link("tagging-tove", "Tagging Tove"))
        here.page.goto(f"{desk.url}/cases/default/refund-pressed")
        wire = Wire(here.page, TAGS)
        tag = here.page.get_by_role("textbox", name="Tag")
        tag.fill("fragile")
        for _ in refused_each_way(wire, alert(here)):
            tag.press("Enter")
            expect(tag).to_have_value("fragile")
        tag.press("Enter")
        wire.until_sent(5)
        tag.fill("kettle")
        tag.press("Enter")
        wire.let_go()
        for word in ("fragile", "kettle"):
            expect(here.page.get_by_role("button", name=f"Remove {word}")).to_be_visible()
        expect(tag).to_have_value("")
        expect(tag).to_be_focused()


def test_a_comment_that_is_refused_is_kept_and_sent_once(desk: Desk, browser: Browser) -> None:
    with seat(browser) as here:
        desk.bring(refund("refund-remark", "P-2"))
        here.enter(desk.link("saying-sif", "Saying Sif"))
        here.page.goto(f"{desk.url}/cases/default/refund-remark")
        wire = Wire(here.page, COMMENTS)
        comment = here.page.get_by_role("textbox", name="Comment", exact=True)
        comment.fill("the courier has it")
        for _ in refused_each_way(wire, alert(here)):
            here.page.get_by_role("button", name="Comment", exact=True).click()
            expect(comment).to_have_value("the courier has it")
        here.page.get_by_role("button", name="Comment", exact=True).dblclick()
        wire.until_sent(5)
        wire.let_go()
        expect(here.page.get_by_role("list", name="Comments")).to_contain_text("the courier has it")
        expect(comment).to_have_value("")
        assert len(wire.keys) == 5


def test_a_stop_that_is_refused_keeps_its_words_and_is_sent_once(desk: Desk, browser: Browser) -> None:
    with seat(browser) as here:
        here.enter(desk.link("stopping-stine", "Stopping Stine", "operator"))
        here.page.goto(f"{desk.url}/controls")
        here.page.get_by_label("What to stop").select_option("refund")
        why = here.page.get_by_label("Why", exact=True)
        why.fill("looks wrong")
        wire = Wire(here.page, STOPPED)
        stop = here.page.get_by_role("button", name="Stop automation of Refund now")
        for _ in refused_each_way(wire, alert(here)):
            stop.press("Enter")
            expect(why).to_have_value("looks wrong")
            expect(stop).to_be_focused()
        stop.dblclick()
        wire.until_sent(5)
        # What is written meanwhile is for the next one.
        why.fill("and so does everything else")
        wire.held[0].fulfill(status=200, json={"recent_total": 0, "recent_seconds": 60, "recent": []})
        expect(here.page.get_by_role("status").filter(has_text="Stopped.")).to_be_visible()
        expect(why).to_have_value("and so does everything else")
        assert len(wire.keys) == 5


def test_a_signature_that_is_refused_keeps_its_words_and_is_given_once(desk: Desk, browser: Browser) -> None:
    with seat(browser) as here:
        here.enter(desk.link("signing-signe", "Signing Signe", "lead"))
        here.page.route(PROPOSALS, lambda route: route.fulfill(json={"items": [PROPOSAL]}))
        here.page.goto(f"{desk.url}/controls")
        why = here.page.get_by_label("Why you sign or refuse")
        why.fill("read and checked")
        wire = Wire(here.page, SIGNED)
        sign = here.page.get_by_role("button", name="Sign", exact=True)
        for _ in refused_each_way(wire, alert(here)):
            sign.press("Enter")
            expect(sign).to_be_focused()
        sign.dblclick()
        wire.refuse_what_is_held(5, 409, alert(here))
        assert len(wire.keys) == 5
        expect(why).to_have_value("read and checked")


def test_a_case_on_hold_is_let_go_on_once(desk: Desk, browser: Browser) -> None:
    aside = {
        "review_id": "held-1", "tenant": "default", "case_id": "refund-held", "title": "Refund", "kept_for": None,
        "question": None, "missing": None, "due_at": "2099-01-01T00:00:00Z", "at_risk_at": "2099-01-01T00:00:00Z",
    }  # fmt: skip
    with seat(browser) as here:
        here.page.route(
            re.compile(r"/api/review/v1/reviews\?which=blocked"), lambda route: route.fulfill(json={"items": [aside]})
        )
        here.enter(desk.link("letting-lene", "Letting Lene"))
        here.page.goto(f"{desk.url}/cases")
        wire = Wire(here.page, LET_GO)
        go_on = here.page.get_by_role("button", name=re.compile("^Let it go on"))
        for _ in refused_each_way(wire, alert(here)):
            go_on.press("Enter")
        expect(go_on).to_be_focused()
        go_on.dblclick()
        wire.refuse_what_is_held(5, 409, alert(here))
        assert len(wire.keys) == 5
        # The server may have heard what it did not answer for: that wish has one key until it is answered.
        assert wire.keys[3] == wire.keys[4]
        assert len(set(wire.keys)) == 4


def test_a_proof_that_is_refused_says_so_where_it_was_asked_for(desk: Desk, browser: Browser) -> None:
    with seat(browser) as here:
        desk.bring(refund("refund-proven", "P-3"))
        here.enter(desk.link("taking-thea", "Taking Thea", "auditor"))
        here.page.goto(f"{desk.url}/audit")
        card = here.page.locator("section", has=here.page.get_by_role("heading", name="Take it with you"))
        card.get_by_label("Case id").fill("refund-proven")
        take = card.get_by_text("Proof of refund-proven")
        wire = Wire(here.page, PROOF, method="GET")
        for _ in refused_each_way(wire, card.get_by_role("alert")):
            take.press("Enter")
        wire.let_go()
        with here.page.expect_download() as taken:
            take.press("Enter")
        assert taken.value.suggested_filename == "refund-proven-proof.json"
        expect(card.get_by_role("alert")).to_have_count(0)

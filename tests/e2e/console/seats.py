"""A person's browser window, in the words of the tests."""

from __future__ import annotations

import base64
import contextlib
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, Request, ViewportSize, expect

from tests.e2e.console.parts import SOURCE

# Without anything of a window it costs half as much of the machine as the browser that could show one.
CHROMIUM = shutil.which("chromium-headless-shell") or shutil.which("chromium")
CHROMIUM_ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
# The driver's own five seconds are too few on a busy machine; how quick the desk is is measured elsewhere.
SHOWN_SECONDS = 30.0
# Colours that are still on their way to where they are going have contrasts of their own.
AT_REST = """
() => Promise.all(document.getAnimations()
  .filter((one) => Number.isFinite(one.effect?.getComputedTiming().endTime))
  .map((one) => one.finished.catch(() => undefined)))
"""
NAMELESS_TABLES = "table:not([aria-label], :has(caption), [aria-label] table)"
DESK_SIZE: ViewportSize = {"width": 1440, "height": 900}
PHONE_SIZE: ViewportSize = {"width": 390, "height": 844}
OFFERED_SECONDS = 75.0
expect.set_options(timeout=SHOWN_SECONDS * 1000)


class Seat:
    """One person's browser window, with the words the tests use."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.complaints: list[str] = []
        self._unanswered: set[Request] = set()
        page.on("request", self._sent)
        page.on("requestfinished", self._answered)
        page.on("requestfailed", self._answered)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda message: self._note(message.type, message.text))

    def _note(self, kind: str, text: str) -> None:
        # The browser itself reports refused and failed requests; what the page does about them is tested.
        if kind in {"error", "warning"} and not text.startswith("Failed to load resource"):
            self.complaints.append(text)

    def _sent(self, request: Request) -> None:
        if request.method == "POST" and "/claims" in request.url:
            self._unanswered.add(request)

    def _answered(self, request: Request) -> None:
        self._unanswered.discard(request)

    def until_answered(self) -> None:
        """Wait until the server has heard what was done with cases: what it has not heard of it holds for minutes."""
        deadline = time.monotonic() + SHOWN_SECONDS
        while self._unanswered and not self.page.is_closed():
            assert time.monotonic() < deadline, [request.url for request in self._unanswered]
            self.page.wait_for_timeout(20)

    def enter(self, link: str) -> None:
        self.page.goto(link)
        expect(self.page.get_by_role("heading", level=1)).to_be_focused()

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def type(self, text: str) -> None:
        """Type once a field has the focus: a key pressed before that goes to nobody, as a person would see."""
        # Asked of the browser, not of the page: its policy lets nobody evaluate a string there.
        expect(self.page.locator("input:focus, textarea:focus")).to_have_count(1)
        self.page.keyboard.type(text)

    def choose_queue(self, queue: str) -> None:
        self.page.get_by_label("Queue to work on").select_option(queue)
        self.page.evaluate("document.activeElement.blur()")

    def act(self, words: str, entry: str | re.Pattern[str]) -> None:
        """Find something by name and do it, without a mouse."""
        self.press("Control+k")
        self.type(words)
        found = self.page.get_by_role("listbox", name="Found").get_by_role("option", name=entry)
        expect(found).to_be_visible()
        while found.get_attribute("aria-selected") != "true":
            self.press("ArrowDown")
        self.press("Enter")
        expect(self.page.get_by_role("dialog")).to_have_count(0)

    def work_on(self, queue: str) -> None:
        """Go to a queue without a mouse."""
        self.act(f"work on {queue}", re.compile(f"^Work on {queue}"))
        expect(self.page.locator("nav[aria-label=Queue]")).to_contain_text(queue)

    def open_next(self) -> None:
        """Open the next case by key, from the ready screen."""
        expect(self.page.get_by_role("button", name="Open the next case")).to_be_visible()
        self.press("Enter")
        self.expect_case()

    def row(self, case_id: str) -> Locator:
        return self.page.locator(f"nav[aria-label=Queue] button[title='{case_id}']")

    def open_row(self, case_id: str) -> None:
        """Open a case from the queue's list, once it is there."""
        row = self.row(case_id)
        # What a window that was closed had prepared is offered to others again after a minute.
        expect(row).to_be_visible(timeout=OFFERED_SECONDS * 1000)
        # The next case may be opening by itself, and be this one.
        expect(self.page.locator("main [aria-busy=true]")).to_have_count(0)
        if row.get_attribute("aria-current") != "true":
            self.walk_to(row)
            self.press("Enter")
            self.expect_case()
        expect(self.page.get_by_text(f"case {case_id}", exact=True)).to_be_visible()

    def walk_to(self, row: Locator) -> None:
        """Move to a row of a list, down it and up again, as the keys do."""
        for key in ("j", "k"):
            for _ in range(60):
                if row.evaluate("(one) => one === document.activeElement"):
                    return
                self.press(key)
        pytest.fail("no key leads to the row")

    def put_back(self) -> None:
        """Give the open case back, should there be one: the next one opens by itself."""
        ready = self.page.get_by_role("heading", name=re.compile("^(Ready when you are|Nothing waits for you)$"))
        more = self.page.get_by_role("button", name="More to do with this case")
        expect(ready.or_(more)).to_be_visible()
        if more.count():
            self.until_settled()
            self.press("b")
            expect(ready).to_be_visible()
            self.until_answered()

    def set_aside(self, key: str, words: str) -> None:
        """Do something else with the open case than deciding it, and say why."""
        self.press(key)
        self.type(words)
        self.press("Control+Enter")

    def expect_case(self, other_than: str | None = None) -> None:
        # In this order: the heading of the case before has the focus until that case is gone.
        if other_than is not None:
            expect(self.page.get_by_text(f"case {other_than}", exact=True)).to_have_count(0)
        expect(self.page.get_by_role("heading", level=1, name=re.compile("^Decide: "))).to_be_focused()
        self.until_settled()

    def until_settled(self) -> None:
        """Wait until a press can mean the case that is shown: nobody has read one sooner."""
        expect(self.page.locator("[data-settled=true]")).to_have_count(1)

    def expect_held(self) -> None:
        """Wait until the server has heard that the case is on the screen."""
        expect(self.page.get_by_text(re.compile(r"^held for you, .* left"))).to_be_visible()

    def picture(self, directory: Path, name: str) -> None:
        """Take the screen as it is, light, dark and as a phone shows it."""
        for scheme in ("light", "dark"):
            self.page.emulate_media(color_scheme=scheme)
            self._capture(directory / f"{name}-{scheme}.webp")
        self.page.emulate_media(color_scheme="light")
        size = self.page.viewport_size
        self.page.set_viewport_size(PHONE_SIZE)
        self.page.evaluate("document.activeElement.scrollIntoView({ block: 'center' })")
        self._capture(directory / f"{name}-390.webp")
        self.page.set_viewport_size(size or DESK_SIZE)

    def _capture(self, path: Path) -> None:
        devtools = self.page.context.new_cdp_session(self.page)
        taken = devtools.send("Page.captureScreenshot", {"format": "webp", "quality": 70})
        path.write_bytes(base64.b64decode(taken["data"]))
        devtools.detach()

    @property
    def case_id(self) -> str:
        return self.page.locator("header p span", has_text=re.compile("^case ")).inner_text().removeprefix("case ")

    @property
    def cases_found(self) -> Locator:
        """The rows of the list of cases, its heading included, without those that no queue offers."""
        return self.page.get_by_role("table", name="Cases found").get_by_role("row")

    @property
    def withheld(self) -> bool:
        return self.page.get_by_role("heading", name="What would you decide?").count() == 1

    @property
    def proposed(self) -> str | None:
        card = self.page.locator("section", has=self.page.get_by_role("heading", name="What the model proposes"))
        return card.locator("strong").first.inner_text() if card.count() else None

    def expect_status(self, text: str | re.Pattern[str], *, seconds: float = SHOWN_SECONDS) -> None:
        expect(self.page.locator("footer")).to_contain_text(text, timeout=seconds * 1000)

    def serious_findings(self) -> list[str]:
        """Return axe's serious and critical findings on the screen as it is."""
        axe = (SOURCE / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
        self.page.evaluate(AT_REST)
        self.page.evaluate(axe)
        found = self.page.evaluate("async () => (await window.axe.run()).violations")
        # Axe lets these pass: whoever goes from table to table by ear hears only that there is one.
        nameless = self.page.locator(NAMELESS_TABLES).count()
        return [f"{nameless} tables without a name"] * bool(nameless) + [
            f"{finding['id']}: {node['target']} {node['failureSummary']}"
            for finding in found
            if finding["impact"] in {"serious", "critical"}
            for node in finding["nodes"]
        ]


@contextlib.contextmanager
def seat(browser: Browser, **settings: Any) -> Iterator[Seat]:
    """Open a window of its own; nothing may have gone wrong in it by the end."""
    context = browser.new_context(viewport=settings.pop("viewport", DESK_SIZE), **settings)
    try:
        taken = Seat(context.new_page())
        yield taken
        taken.until_answered()
        assert taken.complaints == []
    finally:
        context.close()


def skip_until(here: Seat, wanted: str, *, band: str = "", most_flags: int = 9) -> str:
    """Skip cases until the model proposes `wanted` for the open one (in this band, with few flags); returns its id."""
    for _ in range(60):
        of_band = here.page.get_by_text(f"sure \u00b7 {band}").count() == 1
        if here.proposed == wanted and of_band and here.page.locator("header ul li").count() <= most_flags:
            return here.case_id
        skipped = here.case_id
        here.press("s")
        here.expect_case(other_than=skipped)
    return pytest.fail(f"no case for which the model proposes {wanted}")

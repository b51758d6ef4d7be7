"""How fast the hand is answered: from the key that decides to the next case on the screen, on any network."""

from __future__ import annotations

import contextlib
import math
import os
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Route, expect

from tests.e2e.console.long_queue import fill_queue, make_urgent
from tests.e2e.console.parts import Desk
from tests.e2e.console.seats import SHOWN_SECONDS, Seat, seat

pytestmark = [pytest.mark.kafka, pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]

QUEUE = "rush"
CASES = 10_000
# What is told; COUNTERSIGN_PRESSES=30 on a machine that does nothing else makes a figure of it.
DELAYS_MS = (0, 80, 200)
PRESSES = int(os.environ.get("COUNTERSIGN_PRESSES", "1"))
# Any network answers sooner than this; what is asserted is that nobody waits for it.
LIMIT_MS = 60_000

# From the time stamp of the key's own event to the frame after the one in which another case has the focus.
STOPWATCH = """
() => {
  window.painted = [];
  const shown = () => document.querySelector("main h1") === document.activeElement
    ? [...document.querySelectorAll("header p span")].map((one) => one.textContent).find((text) => /^case /.test(text))
    : undefined;
  document.addEventListener("keydown", (event) => {
    if (event.key !== "a") return;
    const before = shown();
    const look = () => {
      const now = shown();
      if (now === undefined || now === before) return requestAnimationFrame(look);
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => window.painted.push(performance.now() - event.timeStamp);
      requestAnimationFrame(() => port2.postMessage(null));
    };
    requestAnimationFrame(look);
  }, { capture: true });
}
"""
# The page's own policy allows no evaluation of texts, so the waiting is a promise.
PAINTED = """
({ presses, limit }) => new Promise((done, fail) => {
  setTimeout(() => fail(new Error("no other case was painted")), limit);
  const look = () => (window.painted.length >= presses ? done(window.painted.at(-1)) : setTimeout(look, 10));
  look();
})
"""


def test_the_next_case_is_painted_before_anybody_waits_for_it(desk: Desk, browser: Browser) -> None:
    desk.aside.run(fill_queue(desk.stack.database_url, QUEUE, CASES))
    with seat(browser) as here:
        here.enter(desk.link("jean", "Jean Bartik"))
        here.choose_queue(QUEUE)
        # Nobody counts to ten thousand for a heading, and no figure is smaller than it looks.
        expect(here.page.get_by_text(f"At least 500 cases wait for you in {QUEUE.title()}")).to_be_visible()
        waiting = here.page.locator("nav[aria-label=Queue]")
        expect(waiting).to_contain_text("at least 500 for you")
        expect(waiting).to_contain_text("The first 50 are listed")
        here.open_next()
        here.page.evaluate(STOPWATCH)
        network = here.page.context.new_cdp_session(here.page)
        network.send("Network.enable")
        slowest, presses = {}, 0
        for delay in DELAYS_MS:
            conditions = {"offline": False, "latency": delay, "downloadThroughput": -1, "uploadThroughput": -1}
            network.send("Network.emulateNetworkConditions", conditions)
            times = sorted(press_and_time(here, presses := presses + 1) for _ in range(PRESSES))
            slowest[delay] = times[math.ceil(0.95 * PRESSES) - 1]
        network.send("Network.emulateNetworkConditions", {**conditions, "latency": 0})
        with no_answers(here):
            press_and_time(here, presses + 1)
        check_what_came_first(desk, here)
    print(f"key press to next case painted, p95 in ms by delay of the network: {slowest}")


@contextlib.contextmanager
def no_answers(here: Seat) -> Iterator[None]:
    """Hold up whatever the page asks, once its next case is prepared: what is painted meanwhile waits for no answer."""
    expect(here.page.locator("[data-prepared=true]")).to_be_visible()
    asked: list[str] = []

    def hold(route: Route) -> None:
        asked.append(route.request.url)

    here.page.context.route("**/api/**", hold)
    yield
    # The driver hears of a request while it waits.
    deadline = time.monotonic() + SHOWN_SECONDS
    while not any(url.endswith("/decision") for url in asked):
        assert time.monotonic() < deadline, "the decision was not on its way"
        here.page.wait_for_timeout(20)
    # Which lets go of whatever was held.
    here.page.context.unroute("**/api/**")


def press_and_time(here: Seat, presses: int) -> float:
    """Decide by key once the next case is prepared, as it is when a person has read this one; returns milliseconds."""
    expect(here.page.locator("[data-prepared=true]")).to_be_visible()
    here.until_settled()
    here.press("a")
    return float(here.page.evaluate(PAINTED, {"presses": presses, "limit": LIMIT_MS}))


def check_what_came_first(desk: Desk, here: Seat) -> None:
    """What became more urgent after a case was prepared is named when that one is opened, and one key takes it."""
    expect(here.page.locator("[data-prepared=true]")).to_be_visible()
    urgent = f"{QUEUE}-{CASES - 1:05}"
    desk.aside.run(make_urgent(desk.stack.database_url, urgent))
    here.until_settled()
    here.press("a")
    expect(here.page.get_by_role("status").filter(has_text="More urgent by now")).to_be_visible()
    here.press("u")
    expect(here.page.get_by_text(f"case {urgent}", exact=True)).to_be_visible()

"""Loan applications, arriving one after the other as an upstream system would send them, and posts between them."""

import asyncio
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from countersign_inference.training.loanapp import applications
from countersign_inference.training.posts import ROWS as POSTS
from countersign_inference.training.posts import post
from countersign_local.demo.flow import Flow
from countersign_local.demo.ledger import DemoCase, Ledger, Run
from countersign_shared.clock import Clock
from countersign_shared.messaging.bus import Bus
from countersign_shared.messaging.cloudevents import write_event

_LOANS, _POSTS = "/demo/loan-origination", "/demo/post-filter"
_TENANT = "default"
_LOANS_PER_POST = 8


def with_posts(loans: int) -> int:
    """Return how many cases arrive when this many of them are loan applications."""
    return loans + loans // _LOANS_PER_POST


def demo_cases(after: int, clock: Clock) -> Iterator[DemoCase]:
    """Yield the cases that follow the `after`-th, for ever: past their end the data begin anew under other ids.

    Every ninth case is a post to be moderated, all others are loan applications.
    """
    known = list(applications())
    for number in itertools.count(after + 1):
        posts_before, place = divmod(number, _LOANS_PER_POST + 1)
        if place == 0:
            cycle, row = divmod(posts_before - 1, POSTS)
            one = post(row + 1)
            yield _demo_case(one.case_id, one.case_created(occurred_at=clock(), tenant=_TENANT), _POSTS, number, cycle)
        else:
            cycle, row = divmod(number - posts_before - 1, len(known))
            loan = known[row]
            body = loan.case_created(occurred_at=clock(), tenant=_TENANT)
            yield _demo_case(loan.case_id, body, _LOANS, number, cycle)


def _demo_case(name: str, body: dict[str, Any], source: str, number: int, cycle: int) -> DemoCase:
    case_id = name if cycle == 0 else f"{name}-{cycle + 1}"
    message = write_event(
        "case.created", event_id=f"demo-{case_id}", source=source, case_id=case_id, time=body["occurred_at"],
        body=orjson.dumps({**body, "case_id": case_id}), partition=None,
    )  # fmt: skip
    return DemoCase(tenant=_TENANT, case_id=case_id, number=number, message=message)


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Sends cases, never more than the flow has room for."""

    bus: Bus
    ledger: Ledger
    flow: Flow
    clock: Clock

    async def again(self) -> int:
        """Submit again what an earlier start left unfinished; returns how many."""
        messages = await self.ledger.unfinished()
        for message in messages:
            await self.flow.wait_for_room()
            await self.bus.publish([message])
            self.flow.sent(1)
        return len(messages)

    async def bring(self, run: Run, *, per_second: float) -> None:
        """Send what the run still lacks, evenly spaced. Each case is kept before it is sent."""
        wanted = run.size - run.arrived
        cases = demo_cases(await self.ledger.highest_number(), self.clock)
        loop = asyncio.get_running_loop()
        start = loop.time()
        for sent, case in enumerate(itertools.islice(cases, wanted)):
            await asyncio.sleep(max(start + sent / per_second - loop.time(), 0))
            await self.flow.wait_for_room()
            await self.ledger.add(case, run.number)
            await self.bus.publish([case.message])
            self.flow.sent(1)

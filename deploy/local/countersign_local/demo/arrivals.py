"""Real loan applications, arriving one after the other as an upstream system would send them."""

import asyncio
import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import orjson

from countersign_inference.training.loanapp import Application, applications
from countersign_local.demo.flow import Flow
from countersign_local.demo.ledger import DemoCase, Ledger, Run
from countersign_shared.clock import Clock, rfc3339
from countersign_shared.messaging.bus import Bus
from countersign_shared.messaging.cloudevents import write_event

_SOURCE = "/demo/loan-origination"
_TENANT = "default"


def demo_cases(after: int, clock: Clock) -> Iterator[DemoCase]:
    """Yield the cases that follow the `after`-th, for ever: past the end the data set begins anew under other ids."""
    known = list(applications())
    for number in itertools.count(after + 1):
        cycle, row = divmod(number - 1, len(known))
        yield _demo_case(known[row], number, cycle, clock)


def _demo_case(application: Application, number: int, cycle: int, clock: Clock) -> DemoCase:
    now = clock()
    case_id = application.case_id if cycle == 0 else f"{application.case_id}-{cycle + 1}"
    body = {**application.case_created(occurred_at=now, tenant=_TENANT), "case_id": case_id}
    message = write_event(
        "case.created", event_id=f"demo-{case_id}", source=_SOURCE, case_id=case_id, time=rfc3339(now),
        body=orjson.dumps(body), partition=None,
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

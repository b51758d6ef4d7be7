"""The task that looks whenever labels or controls have changed."""

import asyncio
import logging
import math
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from countersign_feedback.promising.calibrating import recalibrate
from countersign_feedback.promising.looking import Lasting, Seen, look, tiers_of
from countersign_feedback.store import Store
from countersign_feedback.store.controls import ControlKey, KnownControl, OwnControl
from countersign_shared.background import beside
from countersign_shared.clock import Clock
from countersign_shared.observability import Metrics
from countersign_shared.postgres import FAULTS

log = logging.getLogger(__name__)

LEAST_PAUSE_SECONDS = 0.1
REST = 4.0
"""How many times as long as it looked it rests: at most a fifth of the time goes into looking."""
LOOK_ANYWAY_SECONDS = 60.0
"""What only time changes - an expiry, a renewal that is due - is seen this much later at most."""
MOST_LOG = 700.0
"""exp of it is still a number."""

Scope = tuple[str, str]
"""(tenant, decision type)."""


class Keeper:
    """Looks at what has changed, one decision type at a time. Replicas take turns: a lock orders their writes."""

    def __init__(self, store: Store, metrics: Metrics, clock: Clock, lasting: Lasting) -> None:
        self._store = store
        self._metrics = metrics
        self._clock = clock
        self._lasting = lasting
        self._changed: set[Scope] = set()
        self._all = True
        self._wake = asyncio.Event()
        self._evidence: dict[ControlKey, float] = {}

    def judged(self, scopes: set[Scope]) -> None:
        """Take note that answers have come."""
        self._changed |= scopes
        self._wake.set()

    def controlled(self) -> None:
        """Take note that controls have changed."""
        self._all = True
        self._wake.set()

    async def run(self) -> None:
        """Look for ever."""
        while True:
            begun = time.monotonic()
            try:
                await self.look()
            except FAULTS as error:
                # What was to be seen stays to be seen; the consumer decides whether the service must end.
                log.warning("could not look at the evidence, will again: %r", error)
                self.controlled()
            await asyncio.sleep(max(LEAST_PAUSE_SECONDS, REST * (time.monotonic() - begun)))
            try:
                await asyncio.wait_for(self._wake.wait(), LOOK_ANYWAY_SECONDS)
            except TimeoutError:
                self._all = True

    async def look(self) -> list[Seen]:
        """Look once at everything that has changed since the last time."""
        scopes, everything = sorted(self._changed), self._all
        self._changed, self._all = set(), False
        self._wake.clear()
        if everything:
            scopes = await self._store.scopes()
        found = []
        for tenant, decision_type in scopes:
            found += await self._look_at(tenant, decision_type)
        self._show(found, everything=everything)
        return found

    async def _look_at(self, tenant: str, decision_type: str) -> list[Seen]:
        async with self._store.control_change() as change:
            known: dict[ControlKey, KnownControl] = {one.key: one for one in await change.known_controls()}
            own: dict[ControlKey, OwnControl] = {one.key: one for one in await change.own_controls()}
            tiers = await tiers_of(change, tenant, decision_type, known, own)
            found = [await look(change, tier, self._lasting, self._clock()) for tier in tiers]
            await recalibrate(change, known, tenant, decision_type, self._clock())
            return found

    def _show(self, found: list[Seen], *, everything: bool) -> None:
        if everything:
            self._evidence.clear()
        for seen in found:
            key = seen.tier.key("trip")
            self._evidence.pop(key, None)
            if seen.watched is not None:
                self._evidence[key] = seen.watched.log_alarm
        gauge = self._metrics.gauge("automation_evalue")
        gauge.clear()
        for key, log_e in sorted(self._evidence.items(), key=lambda item: item[1]):
            # The strongest evidence in a tier, whoever's it is, is written last.
            gauge.labels(tier=key.tier).set(math.exp(min(log_e, MOST_LOG)))


@asynccontextmanager
async def keeping(keeper: Keeper, *, fail: Callable[[BaseException], None]) -> AsyncIterator[None]:
    """Run the keeper while the context is open; its death ends the service."""

    def ended(error: BaseException) -> None:
        log.critical("cannot look at the evidence any more", exc_info=error)
        fail(error)

    async with beside(keeper.run(), fail=ended):
        yield

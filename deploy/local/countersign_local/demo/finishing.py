"""When a case is finished: every consumer has passed the point where all topics ended after its decision."""

import asyncio
import time
from dataclasses import dataclass, field

from aiokafka.errors import KafkaError

from countersign_local.demo.flow import REST_SECONDS, SAMPLE_SECONDS, Ends, Flow, Sampler
from countersign_local.demo.ledger import CaseKey, Ledger


@dataclass(slots=True)
class Finisher:
    """Collects decided cases and, as samples come in, lets the ledger forget those nobody can miss any more."""

    ledger: Ledger
    flow: Flow
    _decided: set[CaseKey] = field(default_factory=set)
    _waiting: set[CaseKey] = field(default_factory=set)
    _until: Ends = field(default_factory=dict)

    def decided(self, case: CaseKey) -> None:
        """Note that a decision was seen on its topic."""
        self._decided.add(case)

    async def run(self, sampler: Sampler) -> None:
        """Sample the flow until cancelled."""
        while True:
            # Taken before the sample: what is decided while it is taken may lie behind its ends.
            decided = set(self._decided)
            try:
                sample = await sampler.sample()
            except KafkaError as fault:
                # A broker that is busy or begins anew says so, and is asked again; the demo does not end for it.
                if not fault.retriable:
                    raise
                await asyncio.sleep(SAMPLE_SECONDS)
                continue
            self.flow.sampled(sample)
            if self._waiting and sample.reached(self._until):
                await self.ledger.finish(sorted(self._waiting))
                self._waiting = set()
            if decided and not self._waiting:
                self._decided -= decided
                self._waiting, self._until = decided, sample.ends
            await self._pause()

    async def _pause(self) -> None:
        until = time.monotonic() + REST_SECONDS
        wanted = False
        while not wanted and time.monotonic() < until:
            await asyncio.sleep(SAMPLE_SECONDS)
            wanted = bool(self._decided or self._waiting or self.flow.wanted())

"""One replay from beginning to end: find the cases, hand them out, add up, report."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from countersign_router.domain.controls import DEFAULT_TENANT
from countersign_router.language.loading import LoadedPolicy
from countersign_router.replaying.against import Against
from countersign_router.replaying.brief import Brief, originals
from countersign_router.replaying.report import ReplayReport
from countersign_router.replaying.summing_up import sum_up
from countersign_router.replaying.tally import Tally
from countersign_router.replaying.workers import AT_ONCE, WORKERS, Evaluate, open_workers
from countersign_router.store.replays import BEGINNING, Place, Population, Snapshot, open_snapshot
from countersign_shared.contracts.decision_types import DecisionType

PART = 500
"""Cases handed to a worker at once: a tenth of a second's work and half a megabyte."""


class Progress(NamedTuple):
    """How far a replay is."""

    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants replayed. ``tenants`` are those they may see, None for all.

    ``labels`` are judged cases that they bring, beside those that are stored and in their place where both know one.
    """

    policy: LoadedPolicy
    against: Against
    tenants: frozenset[str] | None
    segment_by: tuple[str, ...] = ()
    labels: Mapping[tuple[str, str], bool] | None = None


@dataclass(frozen=True, slots=True)
class Replays:
    """Replays against one router's database."""

    database_url: str
    decision_types: Mapping[str, DecisionType]
    decision_types_dir: Path | None
    current_key: str
    key: bytes
    clock: Callable[[], datetime]

    async def run(self, wish: Wish) -> AsyncGenerator[Progress | ReplayReport]:
        """Replay, saying how far it is, and give the report last. Closing the iterator ends the work."""
        began = time.monotonic()
        async with open_snapshot(self.database_url) as snapshot:
            brief = await self._brief(wish, snapshot)
            population = await _population(wish, snapshot)
            place = await self._place(wish.against, population, snapshot)
            total = await snapshot.count(population, place)
            yield Progress(0, total)
            tally = Tally()
            rows = snapshot.cases(population, place, PART)
            async with (
                open_workers(brief, min(WORKERS, -(-total // PART))) as evaluate,
                aclosing(_counted(evaluate, rows)) as counted,
            ):
                async for one in counted:
                    tally.add(one)
                    yield Progress(tally.cases + tally.tests, total)
        report = await asyncio.to_thread(self._report, wish, brief, tally)
        yield report.model_copy(update={"seconds": round(time.monotonic() - began, 3)})

    async def _brief(self, wish: Wish, snapshot: Snapshot) -> Brief:
        policy = wish.policy.policy
        published = await snapshot.published(policy.decision_type)
        labels = {**await snapshot.judgements(policy.decision_type), **(wish.labels or {})}
        return Brief(
            document=wish.policy.data,
            known_since=next((one.published_at for one in published if one.sha256 == policy.sha256), None),
            originals=tuple((one.sha256, one.document, one.published_at) for one in published),
            keys={**await snapshot.sampling_keys(), self.current_key: self.key}, current_key=self.current_key,
            history=tuple(await snapshot.history(policy.decision_type)), now=self.clock(),
            decision_types_dir=self.decision_types_dir, segment_by=wish.segment_by, labels=labels or None,
        )  # fmt: skip

    async def _place(self, against: Against, population: Population, snapshot: Snapshot) -> Place:
        if against.last is not None:
            return await snapshot.place_of_newest(population, against.last, self.clock())
        return Place(against.since or BEGINNING)

    def _report(self, wish: Wish, brief: Brief, tally: Tally) -> ReplayReport:
        policy = wish.policy.policy
        return sum_up(
            tally, policy, draft=brief.known_since is None, asked=str(wish.against),
            originals=originals(brief, self.decision_types),
            protected=self.decision_types[policy.decision_type].protected_fields,
        )  # fmt: skip


async def _population(wish: Wish, snapshot: Snapshot) -> Population:
    policy = wish.policy.policy
    seen = None if wish.tenants is None else sorted(wish.tenants)
    if policy.tenant != DEFAULT_TENANT:
        return Population(policy.decision_type, [policy.tenant], [])
    return Population(policy.decision_type, seen, await snapshot.tenants_with_a_policy(policy.decision_type))


async def _counted(evaluate: Evaluate, parts: AsyncIterator[list[tuple[datetime, bytes]]]) -> AsyncGenerator[Tally]:
    """Keep the workers busy and give their tallies in the order of the parts."""
    waiting: list[asyncio.Future[Tally]] = []
    try:
        async for rows in parts:
            waiting.append(asyncio.ensure_future(evaluate(rows)))
            if len(waiting) > AT_ONCE:
                yield await waiting.pop(0)
        while waiting:
            yield await waiting.pop(0)
    finally:
        for one in waiting:
            one.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)

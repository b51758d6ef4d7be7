"""What a stop would send to people, going by the last hours: cases an hour for each queue."""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from countersign_router.domain.controls import Controls
from countersign_router.domain.policy import REVIEW_LEVEL
from countersign_router.policy_shelf import PolicyShelf
from countersign_router.store import Store
from countersign_router.store.counts import HourCount

HOURS = 4
"""How far back by default: long enough to see more than a lull, short enough to be about now."""
NO_QUEUE = "unrouted"
QueueOf = Callable[[HourCount], str]


@dataclass(frozen=True, slots=True)
class QueueLoad:
    """What one queue would get on top, by cases that the machine decided."""

    queue: str
    cases: int
    per_hour: float
    busiest_hour: int


@dataclass(frozen=True, slots=True)
class Preview:
    """The load of a stop. ``people_per_hour`` is what people get anyway in this scope, without it."""

    hours: int
    automatic: int
    automatic_per_hour: float
    people_per_hour: float
    queues: tuple[QueueLoad, ...]


async def preview(
    store: Store, shelf: PolicyShelf, controls: Controls, *, tenant: str, decision_type: str, hours: int, now: datetime
) -> Preview:
    """Return what a stop of this scope (``*`` for all) would send to which queue, under the policies in force."""
    counts = await store.load(now - timedelta(hours=hours), now, tenant, decision_type)
    return load_of(counts, lambda one: _queue(one, shelf, controls), hours)


def load_of(counts: Iterable[HourCount], queue_of: QueueOf, hours: int) -> Preview:
    """Add counts up by queue. Hours before the first case do not thin the mean: the system may be new."""
    counts = list(counts)
    span = min(hours, 1 + max((one.hours_ago for one in counts), default=0))
    by_queue: dict[str, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    for one in counts:
        if one.automatic:
            by_queue[queue_of(one)][one.hours_ago] += one.automatic
    queues = [
        QueueLoad(queue, sum(found.values()), _rate(sum(found.values()), span), max(found.values()))
        for queue, found in sorted(by_queue.items())
    ]
    automatic = sum(one.cases for one in queues)
    people = sum(one.people for one in counts)
    return Preview(span, automatic, _rate(automatic, span), _rate(people, span), tuple(queues))


def _rate(cases: int, hours: int) -> float:
    # One digit is more than a forecast of this kind can promise; what there is never shows as nothing.
    return math.ceil(10 * cases / hours) / 10


def _queue(one: HourCount, shelf: PolicyShelf, controls: Controls) -> str:
    sha256 = controls.policy(one.tenant, one.decision_type)
    shelved = None if sha256 is None else shelf.get(sha256)
    return NO_QUEUE if shelved is None else shelved.loaded.policy.queues.of(REVIEW_LEVEL)

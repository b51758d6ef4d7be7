"""The composition root: builds, wires and closes everything."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import date, timedelta
from pathlib import Path

from countersign_feedback.api import build_app
from countersign_feedback.domain.figures import DELTA, Proportion
from countersign_feedback.domain.intervals import clopper_pearson_upper
from countersign_feedback.domain.summary import Row, Scope, errors_by_tier, overrides_by_type
from countersign_feedback.handlers import TOPICS, Handler
from countersign_feedback.promising.following import ControlIntake
from countersign_feedback.promising.keeper import Keeper, keeping
from countersign_feedback.promising.looking import Lasting
from countersign_feedback.promising.writing import TOPIC as CONTROLS
from countersign_feedback.settings import Settings
from countersign_feedback.store import SCHEMA, Store
from countersign_shared.background import beside
from countersign_shared.clock import Clock, system_clock
from countersign_shared.erasure import Erasing, eraser
from countersign_shared.http import TokenVerifier
from countersign_shared.messaging.bus import Bus, open_bus
from countersign_shared.messaging.follower import following
from countersign_shared.messaging.outbox import Outbox, Relay, relaying
from countersign_shared.messaging.records import Message
from countersign_shared.messaging.said_again import say_again
from countersign_shared.observability import Health, Metrics
from countersign_shared.postgres import FAULTS, migrate, open_pool
from countersign_shared.runtime import Service

log = logging.getLogger(__name__)

SERVICE = "feedback"
MIGRATIONS = Path(__file__).parent / "sql" / "migrations"
MAX_LABELLED_TYPES = 50
"""Decision types that get a series of their own; upstream can invent names, and every label costs memory for ever."""
BATCH = 2_000
"""Records at once: nobody waits for this service, and a batch of four times the usual size costs a tenth less each."""
LATELY_DAYS = (28, 91)
"""Of how many days of routing the gauges tell, where those hold enough cases; otherwise of all."""
GATHER_MS = 200
"""Many small batches would take the processor from those somebody waits for."""


@asynccontextmanager
async def running(settings: Settings, *, clock: Clock = system_clock) -> AsyncIterator[Service]:
    """Run the service while the context is open."""
    health, metrics = Health(), Metrics(SERVICE)
    async with (
        open_pool(settings.database_url, schema=SCHEMA, size=settings.database_pool_size, resets=False) as pool,
        open_bus(settings, service=SERVICE, health=health, metrics=metrics) as bus,
    ):
        await migrate(pool, schema=SCHEMA, migrations=MIGRATIONS)
        outbox = Outbox()
        store = Store(pool, outbox)
        keeper = Keeper(store, metrics, clock, Lasting(settings.certificate_days, settings.renewal_days))
        authenticate = TokenVerifier(SERVICE, settings.jwks_url)
        http = build_app(
            store=store, health=health, metrics=metrics, authenticate=authenticate, clock=clock,
            modes=lambda tenant: settings.reviewer_signals_by_tenant.get(tenant, settings.reviewer_signals),
        )  # fmt: skip
        relay = Relay(outbox, bus.publish, clock=clock)
        try:
            # Its statements know erased cases: their numbers stay, what is told of them in words does not come back.
            erasing = Erasing(
                Handler(store, keeper.judged), pool, eraser(MIGRATIONS.with_name("erasure.sql")), service=SERVICE,
                clock=clock, guards=False, activities=True,
            )  # fmt: skip
            async with (
                beside(_keep_gauges(store, metrics, clock, settings.gauge_seconds), fail=bus.fail),
                relaying(pool, relay, fail=bus.fail, metrics=metrics, clock=clock),
                # Opens once every control on the topic is known: before anything is proposed, or said again.
                following(settings, CONTROLS, ControlIntake(store, keeper.controlled), service=SERVICE, fail=bus.fail),
                _said_again(bus, store),
                keeping(keeper, fail=bus.fail),
                erasing.in_time(fail=bus.fail),
                bus.consume(TOPICS, erasing, max_records=BATCH, gather_ms=GATHER_MS),
            ):
                health.ready(True)
                yield Service("feedback", http, bus.failed)
        finally:
            health.ready(False)


@asynccontextmanager
async def _said_again(bus: Bus, store: Store) -> AsyncIterator[None]:
    async def own_controls() -> list[Message]:
        return [control.message for control in await store.own_controls()]

    await say_again(own_controls, bus.publish)
    yield


async def _keep_gauges(store: Store, metrics: Metrics, clock: Clock, seconds: float) -> None:
    while True:
        try:
            await set_gauges(store, metrics, clock().date())
        except FAULTS as error:
            # Figures that are a few seconds older do no harm; the consumer decides whether the service must end.
            log.warning("the gauges keep their last values: %r", error)
        await asyncio.sleep(seconds)


async def set_gauges(store: Store, metrics: Metrics, today: date) -> None:
    """Set the error and override gauges from the counts; what rests on too few cases gets no series.

    Alerts watch them, so they are about lately: what was right for years must not hide what is wrong since a week, nor
    what was mended keep on ringing.
    """
    spans = [await store.rows(Scope(since=today - timedelta(days=days))) for days in LATELY_DAYS]
    spans.append(await store.rows(Scope()))
    # Off the loop: the first exact interval imports scipy, which takes most of a second.
    await asyncio.to_thread(_set_gauges, spans, metrics)


def _set_gauges(spans: list[list[Row]], metrics: Metrics) -> None:
    error, upper = metrics.gauge("automation_error_rate"), metrics.gauge("automation_error_rate_upper")
    error.clear()
    upper.clear()
    tiers = [{tier: one.audit_error for tier, one in errors_by_tier(rows).items()} for rows in spans]
    for tier, audits in _latest(tiers):
        error.labels(tier=tier).set(audits.rate or 0.0)
        upper.labels(tier=tier).set(clopper_pearson_upper(audits.k, audits.n, DELTA))
    override = metrics.gauge("override_ratio")
    override.clear()
    types = [{name: one.override for name, one in overrides_by_type(rows).items()} for rows in spans]
    ranked = sorted(_latest(types), key=lambda item: -types[-1][item[0]].n)
    for decision_type, reviews in ranked[:MAX_LABELLED_TYPES]:
        override.labels(decision_type=decision_type).set(reviews.rate or 0.0)


def _latest(spans: list[dict[str, Proportion]]) -> Iterator[tuple[str, Proportion]]:
    """Yield each figure from the shortest span that holds enough cases for a rate; the last span is the longest."""
    for name in spans[-1]:
        found = next((one[name] for one in spans if name in one and one[name].rate is not None), None)
        if found is not None:
            yield name, found

"""The composition root: the one place that builds, wires and closes things."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg

from countersign_review.api import build_app
from countersign_review.api.forward import open_clients
from countersign_review.api.hub import Hub
from countersign_review.api.pace import Pace
from countersign_review.api.parts import Parts
from countersign_review.api.sign_in import Attempts
from countersign_review.api.tokens import Signer, make_key
from countersign_review.handlers import SERVICE, TOPICS, Handler
from countersign_review.settings import Settings
from countersign_review.store.acting import Acting
from countersign_review.store.answers import Answers
from countersign_review.store.aside import Aside
from countersign_review.store.case_index import CaseIndex
from countersign_review.store.claims import Claims, Leases
from countersign_review.store.delegations import Delegations
from countersign_review.store.departures import Departures
from countersign_review.store.dispatch import Dispatch
from countersign_review.store.events import Connection, Journal, open_outbox
from countersign_review.store.figures import Figures
from countersign_review.store.incoming import Incoming
from countersign_review.store.intake import Intake
from countersign_review.store.live import Live
from countersign_review.store.opening import Opening
from countersign_review.store.passwords import Passwords
from countersign_review.store.people import People
from countersign_review.store.redaction import case_eraser
from countersign_review.store.register import Register
from countersign_review.store.remarks import Remarks
from countersign_review.store.requests import Requests
from countersign_review.store.reversals import Reversals
from countersign_review.store.saved_views import SavedViews
from countersign_review.store.seeds import Seeds
from countersign_review.store.signing_keys import SigningKeys
from countersign_review.store.taking import Taking
from countersign_review.store.updates import Updates
from countersign_review.store.views import Views
from countersign_shared.background import beside
from countersign_shared.clock import Clock, system_clock
from countersign_shared.contracts.decision_types import load_decision_types
from countersign_shared.erasure import TOPIC as ACTIVITIES
from countersign_shared.erasure import Erasing
from countersign_shared.messaging import Bus, open_bus
from countersign_shared.messaging.outbox import Outbox, Relay, relaying
from countersign_shared.observability import Health, Metrics
from countersign_shared.postgres import FAULTS, migrate, open_pool
from countersign_shared.runtime import Service

log = logging.getLogger(__name__)

SCHEMA = "review"
MIGRATIONS = Path(__file__).parent / "sql" / "migrations"
SWEEP_SECONDS = 1.0
FIGURES_SECONDS = 5.0
GATHER_MS = 150
"""A person notices no tenth of a second, and larger batches leave the processor to the automatic decisions."""
RELAY_PAUSE_SECONDS = 0.01
"""Nobody notices a hundredth of a second; when the whole desk is busy, its events leave together."""
INDEX_SECONDS = 2.0
HOUSEKEEPING_SECONDS = 600.0


@asynccontextmanager
async def running(settings: Settings, *, clock: Clock = system_clock) -> AsyncIterator[Service]:
    """Run the review service while the context is open."""
    health, metrics, outbox = Health(), Metrics(SERVICE), open_outbox()
    async with AsyncExitStack() as stack:
        pool = await stack.enter_async_context(
            open_pool(settings.database_url, schema=SCHEMA, size=settings.database_pool_size, resets=False)
        )
        await migrate(pool, schema=SCHEMA, migrations=MIGRATIONS)
        clients = await stack.enter_async_context(open_clients())
        parts, updates = await build_parts(settings, pool, outbox, metrics=metrics, clock=clock, clients=clients)
        app = build_app(health=health, metrics=metrics)
        app.state.parts = parts
        app.state.on_stop.append(parts.hub.close)
        bus = await stack.enter_async_context(open_bus(settings, service=SERVICE, health=health, metrics=metrics))
        intake = Intake(pool, Journal(outbox, parts.live.hint), updates, clock)
        sent = sent_marker(parts.answers, clock)
        relay = Relay(outbox, bus.publish, clock=clock, sent=sent, pause_seconds=RELAY_PAUSE_SECONDS)
        await stack.enter_async_context(relaying(pool, relay, fail=bus.fail, metrics=metrics, clock=clock))
        handler, erase = Handler(intake, parts.types, metrics), case_eraser(clock)
        erasing = Erasing(handler, pool, erase, service=SERVICE, clock=clock, guards=True)
        await stack.enter_async_context(_sweeping(parts, updates, Figures(pool, parts.types, metrics, clock), bus))
        await stack.enter_async_context(erasing.in_time(fail=bus.fail))
        await stack.enter_async_context(bus.consume((*TOPICS, ACTIVITIES), erasing, gather_ms=GATHER_MS))
        health.ready(True)
        try:
            yield Service(SERVICE, app, bus.failed)
        finally:
            health.ready(False)


async def build_parts(
    settings: Settings, pool: asyncpg.Pool, outbox: Outbox, *, metrics: Metrics, clock: Clock, clients: Any
) -> tuple[Parts, Updates]:
    """Wire what stands behind the routes, and what applies updates."""
    types = load_decision_types(settings.decision_types_dir)
    hub = Hub()
    live = Live(pool, hub, clock)
    journal, views = Journal(outbox, live.hint), Views(types)
    leases = Leases(timedelta(seconds=settings.lease_seconds), timedelta(seconds=settings.look_ahead_seconds))
    dispatch = Dispatch(pool, clock=clock)
    taking = Taking(pool, journal, views, dispatch, ahead=leases.ahead, clock=clock)
    claims = Claims(pool, journal, views, dispatch, taking, leases=leases, clock=clock, metrics=metrics)
    people = People(pool, journal, clock=clock, idle_after=timedelta(minutes=settings.session_idle_minutes))
    keys = [(row["kid"], row["private"]) for row in await SigningKeys(pool, clock=clock).all(make_key())]
    delegations = Delegations(pool, people, journal, clock)
    requests = Requests()
    opening = Opening(types)
    reversals = Reversals(pool, journal, requests, opening, clock=clock)
    updates = Updates(pool, journal, reversals, clock)
    parts = Parts(
        settings=settings, types=types, claims=claims, taking=taking, views=views, people=people,
        answers=Answers(pool, journal, views, updates, types=types, leases=leases, clock=clock, metrics=metrics),
        register=Register(pool, views), saved_views=SavedViews(pool, clock), case_index=CaseIndex(pool, types, clock),
        departures=Departures(pool, people, claims, journal), hub=hub, live=live,
        delegations=delegations, passwords=Passwords(),
        attempts=Attempts(), pace=Pace(), signer=Signer(keys), clients=clients, clock=clock,
        acting=Acting(pool, journal, requests, delegations, clock=clock),
        aside=Aside(pool, journal, requests, clock=clock),
        remarks=Remarks(pool, journal, requests, clock=clock), reversals=reversals,
        dispatch=dispatch, seeds=Seeds(pool, opening, clock=clock),
        incoming=Incoming(pool, journal, requests, updates, clock=clock),
    )  # fmt: skip
    return parts, updates


def sent_marker(answers: Answers, clock: Clock) -> Callable[[Connection, Sequence[str]], Awaitable[None]]:
    """Return what the relay calls with the events that have left."""

    async def sent(connection: Connection, event_ids: Sequence[str]) -> None:
        await answers.mark_sent(connection, event_ids, clock())

    return sent


@asynccontextmanager
async def _sweeping(parts: Parts, updates: Updates, figures: Figures, bus: Bus) -> AsyncIterator[None]:
    """End leases, apply late updates, count and tidy while the context is open."""

    async def sweep() -> None:
        await parts.claims.expire()
        await parts.claims.free_late()
        await updates.sweep()
        await parts.reversals.follow()
        await parts.seeds.plant()

    async def index() -> None:
        await parts.case_index.catch_up()

    async def tidy() -> None:
        await parts.people.forget_old_sessions()
        await parts.live.forget()
        await parts.remarks.forget()

    rounds = (
        (sweep, SWEEP_SECONDS),
        (figures.measure, FIGURES_SECONDS),
        (parts.dispatch.measure, FIGURES_SECONDS),
        (index, INDEX_SECONDS),
        (tidy, HOUSEKEEPING_SECONDS),
    )
    work = [_every(seconds, task) for task, seconds in rounds]
    async with beside(*work, parts.live.run(), fail=bus.fail):
        yield


async def _every(seconds: float, work: Callable[[], Awaitable[None]]) -> None:
    while True:
        try:
            await work()
        except FAULTS as error:
            # The next round does what this one could not; a database that stays away stops the consumer, which says so.
            log.warning("a round of housekeeping failed: %r", error)
        await asyncio.sleep(seconds)

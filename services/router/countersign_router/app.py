"""The composition root: builds, wires and closes everything."""

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from countersign_router.activities import TOPIC as ACTIVITIES
from countersign_router.activities import ActivityIntake
from countersign_router.api import Desk, build_app
from countersign_router.controls.events import republished
from countersign_router.controls.gauges import show_automation
from countersign_router.controls.intake import TOPIC as CONTROLS
from countersign_router.controls.intake import ControlIntake
from countersign_router.controls.peaks import end_expired
from countersign_router.domain.control_rules import OWN_KINDS
from countersign_router.domain.draws import key_id, keyed_draws
from countersign_router.handlers import SERVICE, TOPICS, Handler
from countersign_router.life.files import PACKAGED_POLICIES, publish_files, read_policies
from countersign_router.policy_shelf import PolicyShelf
from countersign_router.replaying.running import Replays
from countersign_router.settings import Settings
from countersign_router.store import SCHEMA, BatchInFlightError, Store
from countersign_shared.background import beside
from countersign_shared.clock import Clock, system_clock
from countersign_shared.contracts.decision_types import load_decision_types
from countersign_shared.erasure import Erasing, eraser
from countersign_shared.errors import ConfigurationError
from countersign_shared.http import TokenVerifier
from countersign_shared.messaging.bus import open_bus
from countersign_shared.messaging.follower import following
from countersign_shared.messaging.outbox import Outbox, Relay, relaying
from countersign_shared.messaging.records import Message, unpack_headers
from countersign_shared.messaging.said_again import say_again
from countersign_shared.observability import Health, Metrics
from countersign_shared.postgres import FAULTS, migrate, open_pool
from countersign_shared.runtime import Service

log = logging.getLogger(__name__)

MIGRATIONS = Path(__file__).parent / "sql" / "migrations"
KEY_BYTES = 32
LEAST_KEY_BYTES = 16
WATCH_SECONDS = 2.0
"""How old the gauges of automation may be in a replica without traffic."""


@asynccontextmanager
async def running(settings: Settings, *, clock: Clock = system_clock) -> AsyncIterator[Service]:
    """Run the service while the context is open."""
    health, metrics = Health(), Metrics(SERVICE)
    decision_types = load_decision_types(settings.decision_types_dir)
    files = read_policies(settings.policies_dir or PACKAGED_POLICIES, decision_types, clock())
    async with (
        open_pool(settings.database_url, schema=SCHEMA, size=settings.database_pool_size, resets=False) as pool,
        open_bus(settings, service=SERVICE, health=health, metrics=metrics) as bus,
    ):
        await migrate(pool, schema=SCHEMA, migrations=MIGRATIONS)
        outbox = Outbox()
        store = Store(pool, outbox)
        await publish_files(store, files)
        key_name, key = await _sampling_key(settings, store, clock)
        shelf = PolicyShelf(decision_types)
        handler = Handler(
            store=store, shelf=shelf, decision_types=decision_types, draws=keyed_draws(key), key_id=key_name,
            metrics=metrics, clock=clock,
        )  # fmt: skip
        desk = Desk(
            store=store, shelf=shelf, decision_types=decision_types, draws=keyed_draws(key), metrics=metrics,
            clock=clock,
        )  # fmt: skip
        http = build_app(
            desk=desk, health=health, metrics=metrics, authenticate=TokenVerifier(SERVICE, settings.jwks_url),
            replaying=Replays(settings.database_url, decision_types, settings.decision_types_dir, key_name, key, clock),
        )  # fmt: skip
        await say_again(partial(_present_controls, store), bus.publish)
        intake, erase = ActivityIntake(store, keyed_draws(key), handler), eraser(MIGRATIONS.with_name("erasure.sql"))
        erasing = Erasing(intake, pool, erase, service=SERVICE, clock=clock, guards=True, activities=True)
        relay = Relay(outbox, bus.publish, clock=clock)
        try:
            async with (
                beside(_watch(desk), fail=bus.fail),
                relaying(pool, relay, fail=bus.fail, metrics=metrics, clock=clock),
                # Opens once every control on the topic is in the table: before the first case.
                following(settings, CONTROLS, ControlIntake(store, metrics), service=SERVICE, fail=bus.fail),
                erasing.in_time(fail=bus.fail),
                bus.consume((*TOPICS, ACTIVITIES), erasing),
            ):
                health.ready(True)
                yield Service(SERVICE, http, bus.failed)
        finally:
            health.ready(False)


async def _sampling_key(settings: Settings, store: Store, clock: Clock) -> tuple[str, bytes]:
    if settings.sampling_key_file is not None:
        try:
            key = settings.sampling_key_file.read_bytes().strip()
        except OSError as error:
            raise ConfigurationError(f"SAMPLING_KEY_FILE {settings.sampling_key_file}: {error.strerror}") from error
        if len(key) < LEAST_KEY_BYTES:
            raise ConfigurationError(f"SAMPLING_KEY_FILE must hold at least {LEAST_KEY_BYTES} bytes")
        return key_id(key), key
    fresh = secrets.token_bytes(KEY_BYTES)
    return await store.sampling_key(key_id(fresh), fresh, clock())


async def _present_controls(store: Store) -> list[Message]:
    """The newest event of every control of ours, exactly as published."""
    return [
        republished(key, unpack_headers(headers), body)
        for key, headers, body in await store.controls()
        if key.kind in OWN_KINDS
    ]


async def _watch(desk: Desk) -> None:
    while True:
        try:
            await end_expired(desk.store, desk.clock())
            controls = await desk.controls()
        except (*FAULTS, BatchInFlightError) as error:
            # A gauge a little older does no harm; the consumer decides whether the service must end.
            log.warning("the gauges of automation keep their last values: %r", error)
        else:
            show_automation(desk.metrics, controls, desk.shelf, desk.clock())
        await asyncio.sleep(WATCH_SECONDS)

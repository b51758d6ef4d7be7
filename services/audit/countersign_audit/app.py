"""The composition root: builds, wires and closes everything."""

import asyncio
import secrets
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import asyncpg
import orjson

from countersign_audit.api import build_app
from countersign_audit.handlers import Handler
from countersign_audit.keys import LogKeys, create_keys, load_keys
from countersign_audit.published import PublishedLog
from countersign_audit.reading_room import ReadingRoom
from countersign_audit.settings import Settings
from countersign_audit.store import MIGRATIONS, SCHEMA, Store, WriterSession
from countersign_audit.timeline import TimelineReader
from countersign_audit.writer import LogWriter
from countersign_shared.clock import Clock, system_clock
from countersign_shared.contracts.topics import load_topics
from countersign_shared.errors import ConfigurationError
from countersign_shared.http import TokenVerifier
from countersign_shared.messaging.bus import Bus, open_bus
from countersign_shared.messaging.outbox import PATIENT_POLL_SECONDS, Outbox, Relay, relaying
from countersign_shared.observability import Health, Metrics
from countersign_shared.postgres import migrate, open_pool
from countersign_shared.runtime import Service

SERVICE = "audit"
NAME_BYTES = 8
MIN_INTERVAL_MS = 50
"""An interval of 0 signs with every batch; the tail is still only looked after so often."""

BATCH = 1_000
"""Records at once: twice the usual costs a tenth less each; more would not fit the memory this service may take."""
PATIENCE_MS = 200
"""Many small batches would take the processor from those somebody waits for."""


@asynccontextmanager
async def running(settings: Settings, *, clock: Clock = system_clock) -> AsyncIterator[Service]:
    """Run the service while the context is open."""
    health, metrics = Health(), Metrics(SERVICE)
    async with (
        open_pool(settings.database_url, schema=SCHEMA, size=settings.database_pool_size) as pool,
        open_bus(settings, service=SERVICE, health=health, metrics=metrics) as bus,
    ):
        await migrate(pool, schema=SCHEMA, migrations=MIGRATIONS)
        async with writing(settings, pool, clock=clock) as (writer, keys):
            _watch(writer, metrics, clock)
            outbox = Outbox()
            room = ReadingRoom(pool, TimelineReader(keys), outbox, clock=clock, new_id=lambda: str(uuid.uuid4()))
            authenticate = TokenVerifier(SERVICE, settings.jwks_url)
            http = build_app(
                room=room, published=PublishedLog(pool), health=health, metrics=metrics, authenticate=authenticate
            )
            relay = Relay(outbox, bus.publish, clock=clock, poll_seconds=PATIENT_POLL_SECONDS)
            async with (
                relaying(pool, relay, fail=bus.fail, metrics=metrics, clock=clock),
                signing(writer, settings.audit_checkpoint_interval_ms, bus),
                bus.consume(
                    tuple(load_topics()), Handler(writer, metrics, clock), max_records=BATCH, patience_ms=PATIENCE_MS
                ),
            ):
                health.ready(True)
                try:
                    yield Service(SERVICE, http, bus.failed)
                finally:
                    health.ready(False)


@asynccontextmanager
async def writing(settings: Settings, pool: asyncpg.Pool, *, clock: Clock) -> AsyncIterator[tuple[LogWriter, LogKeys]]:
    """Open the log for writing, as the only one; an empty one begins with new keys, a name and a genesis."""
    session = WriterSession(pool, settings.audit_writer_wait_seconds)
    try:
        genesis = await Store().genesis(await session.connection())
        if genesis is None:
            await asyncio.to_thread(create_keys, settings.audit_keys_dir, secrets.token_bytes)
        keys = await asyncio.to_thread(load_keys, settings.audit_keys_dir)
        writer = LogWriter(
            session, keys, origin=log_name(settings.audit_log_name, genesis), clock=clock, random=secrets.token_bytes,
            checkpoint_interval=timedelta(milliseconds=settings.audit_checkpoint_interval_ms),
        )  # fmt: skip
        await writer.start()
        yield writer, keys
        await writer.sign_tail()
    finally:
        await session.close()


def log_name(wanted: str | None, genesis: bytes | None) -> str:
    """Return the name the log signs under; one that began under another name is a ``ConfigurationError``."""
    if genesis is None:
        return wanted or f"countersign.local/log/{secrets.token_hex(NAME_BYTES)}"
    began_as: str = orjson.loads(genesis)["origin"]
    if wanted is not None and wanted != began_as:
        raise ConfigurationError(f"AUDIT_LOG_NAME is {wanted}, but the log in this database began as {began_as}")
    return began_as


@asynccontextmanager
async def signing(writer: LogWriter, interval_ms: int, bus: Bus) -> AsyncIterator[None]:
    """Sign a checkpoint over the last entries when no further batch does; its failure ends the service."""

    async def sign() -> None:
        while True:
            await asyncio.sleep(max(interval_ms, MIN_INTERVAL_MS) / 1000)
            await writer.sign_tail()

    def ended(task: "asyncio.Task[None]") -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            bus.fail(error)

    task = asyncio.create_task(sign())
    task.add_done_callback(ended)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _watch(writer: LogWriter, metrics: Metrics, clock: Clock) -> None:
    metrics.gauge("audit_log_size").set_function(lambda: writer.size)
    metrics.gauge("audit_checkpoint_age_seconds").set_function(
        lambda: (clock() - writer.signed_at).total_seconds() if writer.unsigned else 0.0
    )

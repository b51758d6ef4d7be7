"""The composition root: builds, wires and closes everything."""

import logging
import secrets
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial

import asyncpg

from countersign_audit.api import Desks, build_app
from countersign_audit.custody.anchors import Anchoring, DirectoryPlace, Place, TopicPlace
from countersign_audit.custody.keys import LogKeys
from countersign_audit.custody.opening import open_writer
from countersign_audit.custody.rewrapping import Rewrapper
from countersign_audit.erasing.asked_again import AskedAgain
from countersign_audit.erasing.carrying_out import Eraser
from countersign_audit.erasing.desk import ErasureDesk
from countersign_audit.explaining.handing_out import ExplanationDesk
from countersign_audit.handlers import Follow, Handler, topics
from countersign_audit.reading.published import PublishedLog
from countersign_audit.reading.room import ReadingRoom
from countersign_audit.reading.subjects import SubjectDesk
from countersign_audit.reading.timeline import TimelineReader
from countersign_audit.repeating import repeating
from countersign_audit.settings import Settings
from countersign_audit.store import MIGRATIONS, SCHEMA, WriterSession
from countersign_audit.watching.checking import CopyCheck
from countersign_audit.watching.missing import MissingRecords
from countersign_audit.watching.reconciling import LOOK_SECONDS, Reconciler
from countersign_audit.watching.summing import SUM_UP_SECONDS, sum_up_pages
from countersign_audit.writing.writer import LogWriter
from countersign_shared.clock import Clock, system_clock
from countersign_shared.contracts.decision_types import load_decision_types
from countersign_shared.http import TokenVerifier
from countersign_shared.messaging.bus import Bus, open_bus
from countersign_shared.messaging.consumer import TRANSIENT
from countersign_shared.messaging.outbox import Outbox, Relay, relaying
from countersign_shared.messaging.positions import Position, read_positions
from countersign_shared.observability import Health, Metrics
from countersign_shared.postgres import migrate, open_pool
from countersign_shared.runtime import Service

log = logging.getLogger(__name__)

SERVICE = "audit"
MIN_INTERVAL_MS = 50
"""An interval of 0 signs with every batch; the tail is still only looked after so often."""

UPKEEP_SECONDS = 10.0
"""How often it is asked whether there is upkeep to do: a short question each."""
REMOVED_SECONDS = 60.0
"""How often the broker is asked what it removed unread: what is not there twice in a row is on the record."""
ERASURE_SECONDS = 1.0
"""How often it is asked whether an erasure can be carried out: two short questions."""
BATCH = 512
"""Records that are made ready at once; those that wait when a transaction ends share the next one."""
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
        places = anchor_places(settings, bus)
        async with writing(settings, pool, clock=clock, places=places) as (writer, keys):
            anchoring = Anchoring(pool, places, clock)
            _watch(writer, anchoring, metrics, clock)
            outbox = Outbox()
            copies = CopyCheck(pool, writer, clock, metrics, timedelta(hours=settings.audit_copies_check_hours))
            http = build_app(
                desks=build_desks(settings, pool, keys, outbox, clock), health=health, metrics=metrics,
                authenticate=TokenVerifier(SERVICE, settings.jwks_url),
            )  # fmt: skip
            missing = _missing(settings, writer, clock, metrics)
            await missing.look(pool)
            handler = log_handler(writer, pool, metrics, clock, partial(missing.follow, pool))
            relay = Relay(outbox, bus.publish, clock=clock)
            async with (
                relaying(pool, relay, fail=bus.fail, metrics=metrics, clock=clock),
                # The last entries are signed when no further batch does.
                repeating(
                    writer.sign_tail, max(settings.audit_checkpoint_interval_ms, MIN_INTERVAL_MS) / 1000, bus.fail
                ),
                repeating(anchoring.anchor, settings.audit_anchor_interval_seconds, bus.fail, at_once=True),
                repeating(Eraser(pool, writer, outbox, clock).work, ERASURE_SECONDS, bus.fail),
                repeating(Reconciler(pool, writer, clock).work_unless_busy, LOOK_SECONDS, bus.fail),
                repeating(Rewrapper(pool, writer, keys, clock, secrets.token_bytes).work, UPKEEP_SECONDS, bus.fail),
                repeating(copies.work, UPKEEP_SECONDS, bus.fail),
                repeating(partial(missing.look_again, pool), REMOVED_SECONDS, bus.fail),
                repeating(partial(sum_up_pages, pool), SUM_UP_SECONDS, bus.fail),
                bus.consume(topics(), handler.finish, begin=handler.begin, max_records=BATCH, gather_ms=GATHER_MS),
            ):
                health.ready(True)
                try:
                    yield Service(SERVICE, http, bus.failed)
                finally:
                    health.ready(False)


def log_handler(
    writer: LogWriter, pool: asyncpg.Pool, metrics: Metrics, clock: Clock, follow: Follow | None = None
) -> Handler:
    """Wire what appends records to the log."""
    again = AskedAgain(pool, writer.names, clock).take if writer.went_on_after_a_loss else None
    return Handler(writer, metrics, clock, follow, again)


def _missing(settings: Settings, writer: LogWriter, clock: Clock, metrics: Metrics) -> MissingRecords:
    async def nowhere() -> Sequence[Position]:
        # The mock broker forgets its topics and everybody's place in them together.
        return ()

    read = nowhere if settings.broker == "mock" else partial(read_positions, settings, SERVICE, topics())
    return MissingRecords(writer, read, clock, metrics)


def build_desks(settings: Settings, pool: asyncpg.Pool, keys: LogKeys, outbox: Outbox, clock: Clock) -> Desks:
    """Wire what stands behind the routes."""
    timelines = TimelineReader(keys)
    room = ReadingRoom(pool, timelines, outbox, clock=clock, new_id=lambda: str(uuid.uuid4()))
    explanations = ExplanationDesk(
        pool, timelines, room, load_decision_types(settings.decision_types_dir),
        lasts=timedelta(days=settings.audit_explanation_days), contest=settings.audit_contest, clock=clock,
        random=secrets.token_bytes,
    )  # fmt: skip
    return Desks(
        room=room, published=PublishedLog(pool), erasures=ErasureDesk(pool, timelines, outbox, clock),
        explanations=explanations, subjects=SubjectDesk(pool, timelines, room, clock),
    )  # fmt: skip


def anchor_places(settings: Settings, bus: Bus) -> list[Place]:
    """Return where signed checkpoints are kept outside the database."""
    directory = settings.audit_anchors_dir
    return [TopicPlace(bus.publish, bus.read_last), *([DirectoryPlace(directory)] if directory is not None else [])]


@asynccontextmanager
async def writing(
    settings: Settings, pool: asyncpg.Pool, *, clock: Clock, places: Sequence[Place] = ()
) -> AsyncIterator[tuple[LogWriter, LogKeys]]:
    """Open the log for writing, as the only one; an empty one begins with new keys, a name and a genesis.

    Nothing is written to a log that is older than, or differs from, what ``places`` keep of it.
    """
    session = WriterSession(pool, settings.audit_writer_wait_seconds)
    try:
        writer, keys = await open_writer(settings, session, places, clock)
        await writer.start()
        try:
            yield writer, keys
            await _last_signature(writer)
        finally:
            await writer.close()
    finally:
        await session.close()


async def _last_signature(writer: LogWriter) -> None:
    try:
        await writer.sign_tail()
    except (*TRANSIENT, asyncpg.PostgresError) as error:
        # A full disk, mostly: then it is what ended the service, and has been said.
        log.warning("the database is away or takes nothing; the next start signs the last entries: %r", error)


def _watch(writer: LogWriter, anchoring: Anchoring, metrics: Metrics, clock: Clock) -> None:
    metrics.gauge("audit_anchor_age_seconds").set_function(anchoring.age_seconds)
    metrics.gauge("audit_log_size").set_function(lambda: writer.size)
    metrics.gauge("audit_checkpoint_age_seconds").set_function(
        lambda: (clock() - writer.signed_at).total_seconds() if writer.unsigned else 0.0
    )

"""Feedback's figures made anew from what is kept: the audit log, and the topics as far back as they reach.

The log holds every event with its exact bytes, so the same code reads them and the numbers are the same. What is not
derived stays: attempts at certificates, certificates and feedback's own controls, which have spent what they spent.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import asyncpg
import orjson
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.structs import OffsetAndMetadata

from countersign_audit.custody.keys import load_keys
from countersign_audit.reading.records import Opener
from countersign_audit.store import Store as AuditStore
from countersign_audit.store import connected
from countersign_feedback.app import MIGRATIONS
from countersign_feedback.handlers import TOPICS, Handler
from countersign_feedback.store import SCHEMA, Store
from countersign_local.errors import CONFIGURATION, CommandError
from countersign_shared.messaging import Record
from countersign_shared.messaging.producer import open_publisher
from countersign_shared.messaging.stopping import opened
from countersign_shared.postgres import migrate, open_pool

BATCH = 2_000
GROUP = "countersign-feedback"

Progress = Callable[[int, int], None]


async def rebuild(
    database_url: str, bootstrap: str, prefix: str, *, keys_dir: Path | None, progress: Progress
) -> dict[str, int]:
    """Empty the derived tables, fill them from the log, and let the service read its topics from the beginning.

    Returns how many entries of the log were read, and how many of them are erased and so count no more. Without
    ``keys_dir`` the log is left out: enough while the topics reach back to the first case. A feedback service that
    runs is a ``CommandError``. Whatever ends it before its end leaves all figures as they were: they are emptied and
    filled in one transaction.
    """
    await _require_stopped(bootstrap, prefix)
    read = erased = 0
    async with open_pool(database_url, schema=SCHEMA, size=2) as pool:
        await migrate(pool, schema=SCHEMA, migrations=MIGRATIONS)
        async with pool.acquire() as connection, connection.transaction():
            store = Store(cast("asyncpg.Pool", _OneConnection(connection)))
            await store.forget()
            if keys_dir is not None:
                read, erased = await _from_log(database_url, Handler(store), keys_dir, progress)
            # Before the commit: records that are read again change nothing, and figures without them would lack some.
            await _to_the_beginning(bootstrap, prefix)
    return {"entries": read, "erased": erased}


class _OneConnection:
    """What a store takes for its pool: a connection in whose transaction everything happens."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[Any]:
        yield self._connection

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


async def _from_log(database_url: str, handler: Handler, keys_dir: Path, progress: Progress) -> tuple[int, int]:
    opener, store = Opener(load_keys(keys_dir).epochs), AuditStore()
    read = erased = 0
    batch: list[Record] = []
    async with (
        connected(database_url) as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        total, _ = await store.extent(connection)
        async for row in store.all_entries(connection):
            leaf = orjson.loads(row["leaf"])
            if leaf.get("topic") in TOPICS and "conflict_with" not in leaf:
                opened = opener.open(row, leaf)
                if opened is None or opened.event is None:
                    erased += opened is None
                else:
                    batch.append(opened.event.record)
                    read += 1
            if len(batch) >= BATCH:
                await handler(batch)
                batch = []
                progress(row["index"], total)
        await handler(batch)
        progress(total, total)
    return read, erased


async def _require_stopped(bootstrap: str, prefix: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    async with opened(admin, "the administrator"):
        (answer,) = await admin.describe_consumer_groups([prefix + GROUP])
        members = [member for group in answer.groups for member in group[5]]
    if members:
        raise CommandError(
            f"{len(members)} feedback services are running: stop them, rebuild, and start them again.", CONFIGURATION
        )


async def _to_the_beginning(bootstrap: str, prefix: str) -> None:
    """Set the group back, which only works while it has no member."""
    async with open_publisher(bootstrap, prefix=prefix, client_id=f"{GROUP}-rebuild") as publisher:
        parts = [
            TopicPartition(prefix + topic, number)
            for topic in TOPICS
            for number in range(await publisher.partitions(topic))
        ]
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap, group_id=prefix + GROUP, enable_auto_commit=False, client_id=f"{GROUP}-rebuild"
    )
    async with opened(consumer, "the rebuilding consumer"):
        consumer.assign(parts)
        begins = await consumer.beginning_offsets(parts)
        await consumer.commit({part: OffsetAndMetadata(offset, "") for part, offset in begins.items()})

"""Anchors: signed checkpoints kept where the database is not, so that an older or other state of it shows.

A checkpoint is taken from the committed log, never from memory: what is anchored is durable.
"""

import asyncio
import logging
from base64 import b64encode
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import orjson

from countersign_audit.custody.durable import make_directory, put
from countersign_audit.domain.note import parse_checkpoint
from countersign_audit.store import CheckpointRow, Store
from countersign_shared.clock import Clock, rfc3339
from countersign_shared.errors import ConfigurationError
from countersign_shared.messaging import Message, Record, write_event

log = logging.getLogger(__name__)

TOPIC = "checkpoint.signed"
SOURCE = "/countersign/audit"
NEWEST = "checkpoint"
KEPT = "checkpoints"
LAST_RECORDS = 1_000
"""Records of the topic that are looked through for the newest of this log's: three hours of one every ten seconds.
Anybody who may write there could put others after it, but not for long without being seen."""

Publish = Callable[[Sequence[Message]], Any]
ReadLast = Callable[[str, int], Any]


class Place(Protocol):
    """Somewhere that keeps checkpoints."""

    name: str

    async def notes(self) -> list[bytes]:
        """Return the newest notes kept there, of any log; what cannot be read is a ``ConfigurationError``."""

    async def keep(self, checkpoint: CheckpointRow) -> None:
        """Keep one more; a fault is an ``OSError``."""


class DirectoryPlace:
    """A directory: ``checkpoint`` is the newest, ``checkpoints/`` has the first of every hour, each never changed."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory.expanduser()
        self.name = str(self._directory)

    async def notes(self) -> list[bytes]:
        """Return the newest note and the last of the hourly ones."""
        return await asyncio.to_thread(self._read)

    async def keep(self, checkpoint: CheckpointRow) -> None:
        """Write the note, durably, and let nobody ever see half of it."""
        await asyncio.to_thread(self._write, checkpoint.note, checkpoint.signed_at)

    def _read(self) -> list[bytes]:
        kept = self._directory / KEPT
        try:
            # Made here, so that one that cannot be written is said at the start.
            make_directory(kept)
            hourly = max((path for path in kept.iterdir() if path.match("*.note")), default=None)
            found = [hourly.read_bytes()] if hourly is not None else []
            with suppress(FileNotFoundError):
                found.append((self._directory / NEWEST).read_bytes())
        except OSError as error:
            raise ConfigurationError(f"AUDIT_ANCHORS_DIR {self._directory} cannot be used: {error}") from error
        return found

    def _write(self, note: bytes, signed_at: datetime) -> None:
        hourly = self._directory / KEPT / f"{signed_at:%Y-%m-%dT%H}.note"
        if not hourly.exists():
            put(hourly, note)
        put(self._directory / NEWEST, note)


class TopicPlace:
    """The topic `checkpoint.signed`."""

    name = f"topic {TOPIC}"

    def __init__(self, publish: Publish, read_last: ReadLast) -> None:
        self._publish = publish
        self._read_last = read_last

    async def notes(self) -> list[bytes]:
        """Return the notes of the topic's last records."""
        records: list[Record] = await self._read_last(TOPIC, LAST_RECORDS)
        return [note for record in records if (note := _note_in(record.value)) is not None]

    async def keep(self, checkpoint: CheckpointRow) -> None:
        """Publish the checkpoint and wait until the brokers have it."""
        await self._publish([anchor_message(checkpoint)])


def anchor_message(checkpoint: CheckpointRow) -> Message:
    """Return a checkpoint as an event; its id follows from the log and its size."""
    note = checkpoint.note.decode()
    said = parse_checkpoint(note.split("\n\n", 1)[0] + "\n")
    signed_at = rfc3339(checkpoint.signed_at)
    body = orjson.dumps({
        "origin": said.origin, "size": said.size, "root": b64encode(said.root).decode(), "note": note,
        "signed_at": signed_at,
    })  # fmt: skip
    return write_event(
        TOPIC, event_id=f"{said.origin}:{said.size}", source=SOURCE, case_id=said.origin, time=signed_at, body=body,
        partition=0,
    )  # fmt: skip


def _note_in(value: bytes | None) -> bytes | None:
    try:
        note = orjson.loads(value or b"")["note"]
        return note.encode() if isinstance(note, str) else None
    except (ValueError, KeyError, TypeError):
        return None


class Anchoring:
    """Takes the newest checkpoint to every place, now and then."""

    def __init__(self, pool: Any, places: Sequence[Place], clock: Clock) -> None:
        self._pool = pool
        self._store = Store()
        self._places = places
        self._clock = clock
        self._kept: dict[str, int] = {}
        self.kept_at: dict[str, datetime] = {place.name: clock() for place in places}

    async def anchor(self) -> None:
        """Keep the newest checkpoint wherever it is not yet; a place that fails is said and tried again next time."""
        async with self._pool.acquire() as connection:
            newest = await self._store.latest_checkpoint(connection)
        if newest is None:
            return
        for place in self._places:
            if self._kept.get(place.name) != newest.size:
                try:
                    await place.keep(newest)
                except OSError as error:
                    log.warning("%s does not take the checkpoint over %d entries: %s", place.name, newest.size, error)
                    continue
                self._kept[place.name] = newest.size
            self.kept_at[place.name] = self._clock()

    def age_seconds(self) -> float:
        """Return for how long the worst place has not had the newest checkpoint."""
        return max(((self._clock() - at).total_seconds() for at in self.kept_at.values()), default=0.0)

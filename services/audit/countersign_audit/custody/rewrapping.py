"""Going over to another epoch key: its beginning and end are entries, in between data keys are wrapped anew in steps.

A data key stays what it is, and so do payloads, commitments and leaves; only how it lies in the database changes. Once
no key lies there under an earlier epoch, that epoch's key may be destroyed, and with it whatever backups, replicas and
dead rows still hold of erased data keys.
"""

import asyncio
import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from countersign_audit.custody.durable import settle
from countersign_audit.custody.keys import FIRST_EPOCH, LogKeys, Random, load_keys
from countersign_audit.domain.lineage import EPOCH_BEGUN, EPOCH_COMPLETED
from countersign_audit.own_entries import epoch_leaf
from countersign_audit.store import SQL, Store
from countersign_audit.writing.sealing import NONCE_BYTES, KeyWrap, SealError
from countersign_audit.writing.writer import LogWriter
from countersign_shared.clock import Clock, rfc3339
from countersign_shared.errors import ConfigurationError
from countersign_shared.postgres.queries import Queries

log = logging.getLogger(__name__)

KEYS_AT_ONCE = 500
"""About 10 ms of work, during which nothing waits but an erasure of one of these keys."""
PAUSE_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Epochs:
    """Data keys by the epoch that wraps them, and what the record says of the newest."""

    keys: dict[int, int]
    current: int
    completed: bool

    def may_be_destroyed(self, epoch: int) -> bool:
        """Whether nothing in the database needs an epoch's key any more, and the record says so."""
        return epoch < self.current and self.completed and not self.keys.get(epoch)


async def recorded_epoch(connection: Any) -> int:
    """Return the epoch in force as the log itself says."""
    epoch: int | None = await connection.fetchval(Queries.load(SQL / "upkeep.sql").last_epoch)
    if epoch is None:
        genesis = await Store().genesis(connection)
        epoch = orjson.loads(genesis)["epoch"] if genesis is not None else 1
    return epoch


async def check_epoch(connection: Any, keys: LogKeys) -> None:
    """Refuse keys from before the epoch in force: a backup of the directory that is too old."""
    recorded = await recorded_epoch(connection)
    if keys.epoch < recorded:
        raise ConfigurationError(
            f"the log is in epoch {recorded}, and the newest key in AUDIT_KEYS_DIR is epoch-{keys.epoch:04d}.key:"
            " bring the newer one back from its backup"
        )


async def read_epochs(connection: Any) -> Epochs:
    """Count the data keys of each epoch."""
    queries = Queries.load(SQL / "upkeep.sql")
    current = await recorded_epoch(connection)
    return Epochs(
        {row["epoch"]: row["keys"] for row in await connection.fetch(queries.keys_by_epoch)}, current,
        await connection.fetchval(queries.is_completed, current),
    )  # fmt: skip


def destroy_epoch_key(directory: Path, epoch: int, epochs: Epochs) -> Path:
    """Destroy an epoch's key; one that is still needed is a ``ConfigurationError`` that says for what."""
    directory = directory.expanduser()
    path = directory / f"epoch-{epoch:04d}.key"
    if not FIRST_EPOCH <= epoch <= epochs.current:
        raise ConfigurationError(f"there is no epoch {epoch}: the log has had 1 to {epochs.current}")
    if epoch == epochs.current:
        raise ConfigurationError(f"epoch {epoch} is in force: `countersign audit rotate --data-keys` begins another")
    if left := epochs.keys.get(epoch, 0):
        raise ConfigurationError(f"{left} data keys are still wrapped by epoch {epoch}; audit wraps them anew")
    if not epochs.may_be_destroyed(epoch):
        raise ConfigurationError(f"the log does not say yet that epoch {epochs.current} is complete: start audit")
    if epoch not in load_keys(directory).epochs:
        raise ConfigurationError(f"{path} is not there")
    # What the file system keeps of it is beyond us; its blocks at least are written over.
    with path.open("r+b") as file:
        file.write(b"\n" * path.stat().st_size)
        file.flush()
        # Without it the system may never write what nobody can read any more.
        os.fsync(file.fileno())
    path.unlink()
    settle(directory)
    return path


class Rewrapper:
    """Wraps data keys anew under the newest epoch; begins where it was left off, whatever ended it."""

    def __init__(self, pool: Any, writer: LogWriter, keys: LogKeys, clock: Clock, random: Random) -> None:
        self._pool = pool
        self._writer = writer
        self._wrap = KeyWrap(keys.epochs)
        self._clock = clock
        self._random = random
        self._queries = Queries.load(SQL / "upkeep.sql")
        self._done = False

    async def work(self) -> int:
        """Do all there is to do, in steps; returns how many keys were wrapped anew."""
        if self._done:
            return 0
        epoch = self._wrap.epoch
        async with self._pool.acquire() as connection:
            recorded = await recorded_epoch(connection)
            self._done = recorded == epoch and (
                recorded == await self._first(connection)
                or await connection.fetchval(self._queries.is_completed, epoch)
            )
        if self._done:
            return 0
        if recorded < epoch:
            await self._note(EPOCH_BEGUN, "begun", previous_epoch=recorded)
        rewrapped = await self._rewrap_all()
        async with self._pool.acquire() as connection:
            keys = (await read_epochs(connection)).keys
        unopened = sum(count for number, count in keys.items() if number < epoch)
        await self._note(EPOCH_COMPLETED, "completed", data_keys=keys.get(epoch, 0), unopened=unopened)
        self._done = True
        return rewrapped

    async def _first(self, connection: Any) -> int | None:
        genesis = await Store().genesis(connection)
        first: int | None = orjson.loads(genesis)["epoch"] if genesis is not None else None
        return first

    async def _rewrap_all(self) -> int:
        rewrapped, after = 0, (b"", 0)
        while True:
            async with self._pool.acquire() as connection, connection.transaction():
                rows = await connection.fetch(self._queries.keys_before, *after, self._wrap.epoch, KEYS_AT_ONCE)
                rewrapped += await self._step(connection, rows)
            if len(rows) < KEYS_AT_ONCE:
                return rewrapped
            after = (rows[-1]["scope"], rows[-1]["number"])
            await asyncio.sleep(PAUSE_SECONDS)

    async def _step(self, connection: Any, rows: Any) -> int:
        fresh: list[tuple[bytes, int, bytes]] = []
        for scope, number, epoch, wrapped in rows:
            try:
                data_key = self._wrap.unwrap(epoch, wrapped, scope, number)
            except SealError as error:
                log.critical("data key %s.%d is not wrapped anew: %s", scope.hex(), number, error)
                continue
            fresh.append((scope, number, self._wrap.wrap(data_key, self._random(NONCE_BYTES), scope, number)))
        if not fresh:
            return 0
        done: int = await connection.fetchval(
            self._queries.rewrap, *map(list, zip(*fresh, strict=True)), self._wrap.epoch
        )
        return done

    async def _note(self, kind: str, step: str, **said: int) -> None:
        now, epoch = self._clock(), self._wrap.epoch

        async def note(connection: Any) -> None:
            await connection.execute(self._queries.add_epoch, epoch, step, now)

        leaf = epoch_leaf(kind, epoch=epoch, occurred_at=rfc3339(now), **said)
        index = await self._writer.append_own(leaf, kind, now, within=note)
        log.warning("entry %d: epoch %d is %s: %s", index, epoch, step, said)

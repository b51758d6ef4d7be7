"""The one writer of the log: a batch of drafts becomes durable entries under one transaction."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from countersign_audit.custody.keys import LogKeys, Random, verify_signature
from countersign_audit.domain.commitments import Pseudonyms
from countersign_audit.domain.entry import GENESIS
from countersign_audit.domain.lineage import Lineage
from countersign_audit.domain.note import Checkpoint, NoteError, open_note, signature_line, signed_note
from countersign_audit.domain.tiles import Edge
from countersign_audit.domain.tree import Frontier, leaf_hash
from countersign_audit.store import CheckpointRow, RepeatedRecordError, ScopeRow, Store, WriterSession
from countersign_audit.writing.assembly import Assembly, Begun, Made
from countersign_audit.writing.batch import Batch
from countersign_audit.writing.drafts import Draft, genesis_leaf
from countersign_audit.writing.repeats import told, without_repeats
from countersign_audit.writing.scopes import Scopes
from countersign_audit.writing.sealing import KeyWrap
from countersign_audit.writing.tiling import add_missing_tiles, read_edge
from countersign_shared.clock import Clock, rfc3339
from countersign_shared.errors import ConfigurationError, FatalError

log = logging.getLogger(__name__)
CONFLICTS_TOLD = 20
"""Of one batch, in the service's log; every one is an entry."""


@dataclass(frozen=True, slots=True)
class Head:
    """The log as last committed: its tree, and how much of it is under a signed checkpoint since when."""

    edge: Edge
    signed_size: int
    signed_at: datetime

    @property
    def size(self) -> int:
        """Entries in the log."""
        return self.edge.size


@dataclass(frozen=True, slots=True)
class Appended:
    """What became of a batch."""

    size: int
    added: int
    repeats: int
    conflicts: int


class LogWriter:
    """Appends to one log. While a batch is being written the next ones are made ready (``Assembly``).

    Nothing is kept in memory that a failed transaction could have made wrong: after any error the head is read
    from the database again. A checkpoint is signed inside the transaction that makes its entries durable, so
    none is ever published for rows that could still vanish.
    """

    def __init__(
        self, session: WriterSession, keys: LogKeys, *, origin: str, checkpoint_interval: timedelta, clock: Clock,
        random: Random, partition_entries: int, lineage: Lineage | None = None,
    ) -> None:  # fmt: skip
        self.origin = origin
        self.names = Pseudonyms(keys.pseudonyms)
        self._session = session
        self._store = Store()
        self._keys = keys
        self._verifier_key = keys.verifier_key(origin)
        self._lineage = lineage or Lineage.begun(self._verifier_key)
        self._wrap = KeyWrap(keys.epochs)
        self._assembly = Assembly(self._known_scopes, self._wrap, self.names, random)
        self._partition_entries = partition_entries
        self._room = 0
        self._interval = checkpoint_interval
        self._clock = clock
        self._random = random
        self._head: Head | None = None
        # Records come again after a start and after an error, and then many in a row. Otherwise looking for each
        # before it is written would cost the database more than writing it does.
        self._repeats_likely = True
        self._connection: Any = None
        self._seen = Head(Edge(), 0, clock())
        self._one_at_a_time = asyncio.Lock()

    @property
    def size(self) -> int:
        """Entries in the log when it was last committed to; 0 before the start."""
        return self._seen.size

    @property
    def went_on_after_a_loss(self) -> bool:
        """Whether the log was recovered: a restored database has forgotten more than entries."""
        return self._lineage.lost > 0

    @property
    def busy(self) -> bool:
        """Whether something is being written, or held up in it."""
        return self._one_at_a_time.locked()

    @property
    def unsigned(self) -> int:
        """Entries that no checkpoint covers yet."""
        return self._seen.size - self._seen.signed_size

    @property
    def signed_at(self) -> datetime:
        """When the last checkpoint was signed."""
        return self._seen.signed_at

    async def start(self) -> Head:
        """Take the lock, check what is there against its last checkpoint, and begin an empty log with its genesis."""
        async with self._one_at_a_time:
            connection = await self._session.connection()
            head = await self._load(connection)
            await self._make_room(connection, head.size + 1)
            self._commit(head if head.size else await self._begin(connection))
            return self._seen

    @property
    def cases_at_hand(self) -> int:
        """Cases that need not be looked up."""
        return self._assembly.cases_at_hand

    async def close(self) -> None:
        """Let go of what was begun and is not yet due."""
        await self._assembly.close()

    def begin(self, size: int, drafts: Iterable[Draft]) -> Begun:
        """Begin with a batch of so many drafts, made as they are asked for; ``append`` adds it."""
        return self._assembly.begin(size, drafts)

    async def append(self, batches: Sequence[Begun]) -> Appended:
        """Add what of these batches is not in the log yet, durably, before this returns.

        They are the ones that were begun next, in that order; whatever was begun before them is given up.
        """
        async with self._one_at_a_time:
            connection, head = await self._current(sum(begun.size for begun in batches))
            self._assembly.due(batches[0])
            if not self._assembly.stands:
                self._assembly.restart(head.edge)
            try:
                if self._repeats_likely or not all(map(self._assembly.waits, batches)):
                    appended, head = await self._append_carefully(connection, head, batches)
                else:
                    appended, head = await self._append_together(connection, head, batches)
            except RepeatedRecordError:
                self._assembly.restart(head.edge)
                appended, head = await self._append_carefully(connection, head, batches)
            self._commit(head)
            self._repeats_likely = appended.repeats > 0
            self._assembly.go_ahead(not self._repeats_likely)
            return appended

    async def _append_together(self, connection: Any, head: Head, batches: Sequence[Begun]) -> tuple[Appended, Head]:
        """Write batches under one commit; the index on the names of records refuses all of them for one repeat."""
        before = head.size
        self._assembly.go_ahead(True)
        async with connection.transaction():
            for begun in batches:
                head = await self._write(connection, head, await self._assembly.ready(begun))
            head = await self._sign_when_due(connection, head)
        for begun in batches:
            self._assembly.written(begun, head.edge)
        return Appended(head.size, head.size - before, 0, 0), head

    async def _append_carefully(self, connection: Any, head: Head, batches: Sequence[Begun]) -> tuple[Appended, Head]:
        """Write one batch after the other, each without what the log has already."""
        added = repeats = conflicts = 0
        self._assembly.go_ahead(False)
        for begun in batches:
            drafts = await begun.drafts
            async with connection.transaction():
                fresh = await without_repeats(connection, self._store, drafts, self._wrap, self.names)
                if fresh:
                    head = await self._write(connection, head, await self._assembly.make(fresh))
                    head = await self._sign_when_due(connection, head)
            self._assembly.written(begun, head.edge)
            added, repeats = added + len(fresh), repeats + len(drafts) - len(fresh)
            differing = [draft for draft in fresh if draft.conflicts_with is not None]
            for draft in differing[:CONFLICTS_TOLD]:
                log.error("conflict: %s has come with other content before", told(draft))
            conflicts += len(differing)
        return Appended(head.size, added, repeats, conflicts), head

    async def append_own(
        self, leaf: bytes, kind: str, occurred_at: datetime, *,
        within: Callable[[Any], Awaitable[None]] | None = None, forgetting: bytes | None = None,
        successor: LogKeys | None = None,
    ) -> int:  # fmt: skip
        """Add what the log says about itself (``own_entries``), sign over it at once, and return its index.

        ``within`` works in the same transaction; what is known of the case ``forgetting`` is looked up anew after it.
        ``successor`` signs as well: the keys that take over from here.
        """
        async with self._one_at_a_time:
            connection, head = await self._current(1)
            batch = self._own_batch(head.size)
            batch.add_own(leaf, self.names.record(kind, leaf), kind, occurred_at)
            async with connection.transaction():
                edge, tiles = batch.grow(head.edge)
                await self._store.append(connection, batch.copies(), tiles)
                signed = await self._sign(connection, edge, successor)
                if within is not None:
                    await within(connection)
            self._assembly.moved(edge)
            if forgetting is not None:
                self._assembly.forget(forgetting)
            self._commit(signed)
            return head.size

    async def sign_tail(self) -> None:
        """Sign a checkpoint over entries that have none yet."""
        async with self._one_at_a_time:
            connection, head = await self._current()
            if head.size > head.signed_size:
                head = await self._sign(connection, head.edge)
            self._commit(head)

    async def _current(self, more: int = 0) -> tuple[Any, Head]:
        """Return the session and the head, with room for ``more`` entries.

        Until ``_commit`` the writer counts as knowing nothing. So whatever ends a batch early makes the next one read
        the head anew, and so does a new session: somebody else may have held the lock in between.
        """
        head, self._head = self._head, None
        if head is None and self._connection is not None:
            await self._session.abandon()
        connection = await self._session.connection()
        if head is None or connection is not self._connection:
            self._repeats_likely = True
            head = await self._load(connection)
            self._connection = connection
            self._assembly.restart(head.edge)
        await self._make_room(connection, head.size + more)
        return connection, head

    async def _make_room(self, connection: Any, size: int) -> None:
        """Have partitions for so many entries and half a partition more, so that the next is there before its time."""
        ahead = size + self._partition_entries // 2
        if ahead >= self._room:
            self._room = await self._store.make_room(connection, ahead + 1, self._partition_entries)

    def _commit(self, head: Head) -> None:
        self._head = self._seen = head

    async def _write(self, connection: Any, head: Head, made: Made) -> Head:
        if made.before != head.size:
            raise FatalError(f"a batch was made for a log of {made.before} entries, not {head.size}")
        await self._store.append(connection, made.copies, made.tiles)
        return Head(made.edge, head.signed_size, head.signed_at)

    async def _known_scopes(self, scopes: Sequence[bytes]) -> list[ScopeRow]:
        return await self._store.known_scopes(await self._session.reader(), scopes)

    def _own_batch(self, size: int) -> Batch:
        return Batch(size, Scopes(self._wrap), self._wrap, self.names, self._random)

    async def _sign_when_due(self, connection: Any, head: Head) -> Head:
        if self._clock() - head.signed_at >= self._interval:
            return await self._sign(connection, head.edge)
        return head

    async def _sign(self, connection: Any, edge: Edge, successor: LogKeys | None = None) -> Head:
        frontier = edge.frontier()
        checkpoint = Checkpoint(self.origin, frontier.size, frontier.root())
        note = signed_note(checkpoint, self._verifier_key, self._keys.signing.sign)
        if successor is not None:
            note += signature_line(checkpoint, successor.verifier_key(self.origin), successor.signing.sign)
        now = self._clock()
        await self._store.add_checkpoint(
            connection, CheckpointRow(frontier.size, checkpoint.root, note, frontier.pack(), now)
        )
        return Head(edge, edge.size, now)

    async def _begin(self, connection: Any) -> Head:
        now = self._clock()
        leaf = genesis_leaf(
            origin=self.origin, verifier_key=self._verifier_key.text(), occurred_at=rfc3339(now),
            epoch=self._keys.epoch, checkpoint_interval_ms=self._interval // timedelta(milliseconds=1),
        )  # fmt: skip
        batch = self._own_batch(0)
        batch.add_own(leaf, self.names.record(GENESIS, self.origin.encode()), GENESIS, now)
        async with connection.transaction():
            edge, tiles = batch.grow(Edge())
            await self._store.append(connection, batch.copies(), tiles)
            head = await self._sign(connection, edge)
        log.info("began log %s; verifier key %s", self.origin, self._verifier_key.text())
        return head

    async def _load(self, connection: Any) -> Head:
        """Read the head: the last checkpoint, and the few entries after it."""
        row = await self._store.latest_checkpoint(connection)
        if row is None:
            if await self._store.genesis(connection) is not None:
                raise FatalError("the log has entries but no checkpoint; run `countersign audit verify`")
            return Head(Edge(), 0, self._clock())
        self._check(row)
        tail: list[bytes] = []
        for index, leaf, hashed in await self._store.leaves_from(connection, row.size):
            expected = row.size + len(tail)
            if index != expected or leaf_hash(leaf) != hashed:
                raise FatalError(f"entry {expected} is missing or altered; run `countersign audit verify`")
            tail.append(hashed)
        await add_missing_tiles(connection, self._store, row.size + len(tail))
        edge = await read_edge(connection, self._store, row.size)
        if edge.root() != row.root:
            raise FatalError(f"the tiles do not fit checkpoint {row.size}; run `countersign audit verify`")
        return Head(edge.grown(tail)[0], row.size, row.signed_at)

    def _check(self, row: CheckpointRow) -> None:
        try:
            checkpoint = open_note(row.note, self._lineage.key_for(row.size), verify_signature)
            frontier = Frontier.unpack(row.size, row.frontier)
        except NoteError as error:
            raise ConfigurationError(
                f"the last checkpoint was not signed by the key in AUDIT_KEYS_DIR as {self.origin}: {error}"
            ) from error
        except ValueError as error:
            raise FatalError(f"the stored edge of the tree is damaged: {error}") from error
        if checkpoint.size != row.size or checkpoint.root != frontier.root():
            raise FatalError(f"checkpoint {row.size} does not fit its tree; run `countersign audit verify`")

"""Making batches ready to be written, in their order, while earlier ones are still being written.

A batch rests on those before it: on how many entries there are, on the newest entry of each case, on the open tiles. So
it is made for the log as it *will* be (``Line``). When that turns out otherwise - a batch fails, an entry of the log's
own comes in between - there is a new line, and what was made for the old one is made anew. Until it is written a batch
is nothing but memory.

All of it is done on the event loop, a piece at a time: in a thread of its own every call that lets other threads run, a
hash or a compression, would hand the interpreter to and fro, which costs more than it gains.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, NamedTuple

from countersign_audit.custody.keys import Random
from countersign_audit.domain.commitments import Pseudonyms
from countersign_audit.domain.tiles import Edge, FullTile
from countersign_audit.store import RepeatedRecordError, ScopeRow
from countersign_audit.writing.batch import Batch
from countersign_audit.writing.copying import Copies
from countersign_audit.writing.drafts import Draft
from countersign_audit.writing.scopes import Scopes
from countersign_audit.writing.sealing import KeyWrap
from countersign_audit.writing.turns import in_turns
from countersign_shared.errors import TransientError

LookUp = Callable[[Sequence[bytes]], Awaitable[list[ScopeRow]]]
"""Asks the log, as committed, for cases."""


class LineEndedError(TransientError):
    """What the next batch rests on is not known any more: the writer reads the head of the log again."""

    code = "line_ended"


class Made(NamedTuple):
    """A batch ready to be written, for a log that ends where it begins."""

    copies: Copies
    tiles: Sequence[FullTile]
    before: int
    edge: Edge


class Line:
    """The log as it will be once everything made so far has been written."""

    def __init__(self, scopes: Scopes, edge: Edge) -> None:
        self.scopes = scopes
        self.edge = edge
        self.reaches = edge.size
        """What is known of cases may rest on entries up to here, whether they have been made or are being made."""


class Begun:
    """A batch that is being read, and later made."""

    __slots__ = ("drafts", "line", "made", "size")

    def __init__(self, size: int, drafts: asyncio.Task[list[Draft]]) -> None:
        self.size = size
        self.drafts = drafts
        self.line: Line | None = None
        self.made: Made | None = None


class Assembly:
    """Reads and makes batches, one after the other, in the order in which they were begun."""

    def __init__(self, look_up: LookUp, wrap: KeyWrap, names: Pseudonyms, random: Random) -> None:
        self._look_up = look_up
        self._wrap = wrap
        self._names = names
        self._random = random
        self._waiting: deque[Begun] = deque()
        self._one_at_a_time = asyncio.Lock()
        self._one_is_read = asyncio.Lock()
        self._line: Line | None = None
        self._committed = 0
        self._ahead = False
        self._working: asyncio.Task[None] | None = None
        self._ended_by: Exception | None = None

    @property
    def stands(self) -> bool:
        """Whether it is known how the log goes on."""
        return self._line is not None

    @property
    def cases_at_hand(self) -> int:
        """How many cases need not be looked up."""
        return 0 if self._line is None else len(self._line.scopes)

    def begin(self, size: int, drafts: Iterable[Draft]) -> Begun:
        """Begin with a batch, whose drafts come into being as they are asked for, and made when those before it are."""
        begun = Begun(size, asyncio.create_task(self._read(size, drafts)))
        begun.drafts.add_done_callback(_heard)
        self._waiting.append(begun)
        self._go_on()
        return begun

    def restart(self, edge: Edge) -> None:
        """Go on from this edge, knowing no case; nothing is made ahead until ``go_ahead``."""
        self._line, self._committed, self._ahead = Line(Scopes(self._wrap), edge), edge.size, False
        self._ended_by = None

    def moved(self, edge: Edge) -> None:
        """Go on from another edge, because something else was written; what is known of cases stays true."""
        line = self._line
        if line is None or line.reaches != self._committed:
            # Some of what it knows of cases rests on batches that are to be made anew.
            line = Line(Scopes(self._wrap), edge)
        self._line, self._committed = Line(line.scopes, edge), edge.size
        self._go_on()

    def forget(self, scope: bytes) -> None:
        """Look a case up anew: what was known of it is no longer so."""
        if self._line is not None:
            self._line.scopes.forget([scope])

    def go_ahead(self, ahead: bool) -> None:
        """Say whether batches are made before they are asked for: only while no repeats are expected."""
        self._ahead = ahead
        self._go_on()

    def due(self, begun: Begun) -> None:
        """Note that a batch is the next one; those begun before it will never be, and were for nothing."""
        # One that is tried again may be in the log already.
        while begun in self._waiting and self._waiting[0] is not begun:
            if self._waiting.popleft().line is self._line:
                self._line = None

    def waits(self, begun: Begun) -> bool:
        """Tell whether a batch is still to be written; otherwise it is being tried again."""
        return begun in self._waiting

    def written(self, begun: Begun, edge: Edge) -> None:
        """Note that a batch is in the log, which has this edge now."""
        self._committed = edge.size
        if self._waiting and self._waiting[0] is begun:
            self._waiting.popleft()

    async def ready(self, begun: Begun) -> Made:
        """Return a batch of which nothing is repeated, ready to be written; those before it are made first.

        An id that comes twice in it is a ``RepeatedRecordError``.
        """
        while begun.made is None or begun.line is not self._current():
            async with self._one_at_a_time:
                if begun.line is not self._current() and not await self._make_next():
                    raise LineEndedError("a batch is due that is not among those begun")
        return begun.made

    async def make(self, drafts: Sequence[Draft]) -> Made:
        """Make a batch now, for whoever makes none ahead."""
        async with self._one_at_a_time:
            return await self._make(self._current(), drafts)

    async def close(self) -> None:
        """End what is under way; what was begun is for nothing."""
        tasks: list[asyncio.Task[Any]] = [begun.drafts for begun in self._waiting]
        if self._working is not None:
            tasks.append(self._working)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _current(self) -> Line:
        if self._line is None:
            raise self._ended_by or LineEndedError("making a batch ahead was broken off")
        return self._line

    def _go_on(self) -> None:
        if self._ahead and self._waiting and (self._working is None or self._working.done()):
            self._working = asyncio.create_task(self._work_ahead())
            self._working.add_done_callback(_heard)

    async def _work_ahead(self) -> None:
        more = True
        while more and self._ahead:
            async with self._one_at_a_time:
                more = await self._make_next()

    async def _make_next(self) -> bool:
        line = self._current()
        begun = next((one for one in self._waiting if one.line is not line), None)
        if begun is None:
            return False
        drafts = await begun.drafts
        if line is not self._line:
            return True
        if len({draft.record_id for draft in drafts}) < len(drafts):
            raise RepeatedRecordError("an id comes twice in one batch")
        begun.made = await self._make(line, drafts)
        begun.line = line
        return True

    async def _make(self, line: Line, drafts: Sequence[Draft]) -> Made:
        try:
            line.scopes.forget_oldest(self._committed)
            unknown = line.scopes.unknown(draft.scope for draft in drafts if draft.has_case)
            # Before anybody else comes in: from here on no other line may share what this one knows. Keys made for a
            # batch that is given up would be known there, and never written.
            line.reaches += len(drafts)
            if unknown:
                line.scopes.learn(unknown, await self._look_up(unknown))
            return await self._build(line, drafts)
        except BaseException as error:
            # It may know of entries that there will never be.
            if self._line is line:
                self._line, self._ended_by = None, error if isinstance(error, Exception) else None
            raise

    def _at_ease(self) -> bool:
        """Tell whether the log keeps up: no batch waits for this one."""
        return len(self._waiting) <= 1

    async def _read(self, size: int, drafts: Iterable[Draft]) -> list[Draft]:
        async with self._one_is_read:
            read: list[Draft] = []
            async for piece in in_turns(drafts, size, self._at_ease):
                read += piece
            return read

    async def _build(self, line: Line, drafts: Sequence[Draft]) -> Made:
        before = line.edge.size
        batch = Batch(before, line.scopes, self._wrap, self._names, self._random)
        async for piece in in_turns(drafts, len(drafts), self._at_ease):
            for draft in piece:
                batch.add(draft)
        line.edge, tiles = batch.grow(line.edge)
        return Made(batch.copies(), tiles, before, line.edge)


def _heard(task: asyncio.Task[Any]) -> None:
    # What went wrong ahead is raised when the batch is due.
    if not task.cancelled():
        task.exception()

"""Serving requests that come at the same time together: one round trip, one transaction, one wait for the disk."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Generic, TypeVar

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")
Work = Callable[[Sequence[Asked]], Awaitable[Sequence[Answer | Exception]]]
"""Answers several requests in their order; an exception in place of an answer is raised to whoever asked."""


class Gathering(Generic[Asked, Answer]):
    """Serves the first request at once, and those that come while it is served together after it.

    At most ``most`` go together, and at most ``side_by_side`` groups are served at a time. Requests with the same
    ``key`` are never in two groups at a time: one would only wait for the lock that the other holds.

    Where serving several fails as a whole, each is served alone: nobody gets an error because of somebody else. So what
    serves them must be a transaction, or only read.
    """

    def __init__(
        self, work: Work[Asked, Answer], *, most: int, side_by_side: int,
        key: Callable[[Asked], Hashable] | None = None,
    ) -> None:  # fmt: skip
        self._work = work
        self._key = key
        self._busy: set[Hashable] = set()
        self._most = most
        self._side_by_side = side_by_side
        self._waiting: deque[tuple[Asked, asyncio.Future[Answer]]] = deque()
        self._serving = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def ask(self, asked: Asked) -> Answer:
        """Return the answer to one request."""
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((asked, future))
        if self._serving < self._side_by_side:
            # Counted here and there, not by a callback: one that comes in between would wait for nobody.
            self._serving += 1
            task = asyncio.create_task(self._serve())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await future

    async def _serve(self) -> None:
        try:
            await self._serve_waiting()
        finally:
            self._serving -= 1

    async def _serve_waiting(self) -> None:
        # What has to wait for another group is left to whoever serves that one, and looks again afterwards.
        while group := self._next_group():
            keys = {self._key(asked) for asked, _ in group} if self._key else set()
            self._busy |= keys
            try:
                # Whoever has gone by now gets nothing.
                await self._together([pair for pair in group if not pair[1].done()])
            finally:
                self._busy -= keys
                for _, future in group:
                    # Only when this task itself is ended: the service stops.
                    future.cancel()

    def _next_group(self) -> list[tuple[Asked, asyncio.Future[Answer]]]:
        group: list[tuple[Asked, asyncio.Future[Answer]]] = []
        left: deque[tuple[Asked, asyncio.Future[Answer]]] = deque()
        while self._waiting and len(group) < self._most:
            one = self._waiting.popleft()
            (left if self._key and self._key(one[0]) in self._busy else group).append(one)
        left.extend(self._waiting)
        self._waiting = left
        return group

    async def _together(self, group: Sequence[tuple[Asked, "asyncio.Future[Answer]"]]) -> None:
        if not group:
            return
        try:
            answers = await self._work([asked for asked, _ in group])
        except Exception as error:  # noqa: BLE001 - whoever asked gets it, whatever it is
            if len(group) > 1:
                for one in group:
                    await self._together([one])
            elif not group[0][1].done():
                group[0][1].set_exception(error)
            return
        for (_, future), answer in zip(group, answers, strict=True):
            if future.done():
                continue
            if isinstance(answer, Exception):
                future.set_exception(answer)
            else:
                future.set_result(answer)

"""Serving requests that come at the same time together: one round trip, one transaction, one wait for the disk."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")
Work = Callable[[Sequence[Asked]], Awaitable[Sequence[Answer | Exception]]]
"""Answers several requests in their order; an exception in place of an answer is raised to whoever asked."""


class Gathering(Generic[Asked, Answer]):
    """Serves the first request at once, and those that come while it is served together after it.

    At most ``most`` go together, and at most ``side_by_side`` groups are served at a time. Where serving several fails
    as a whole, each is served alone: nobody gets an error because of somebody else. So what serves them must be a
    transaction, or only read.
    """

    def __init__(self, work: Work[Asked, Answer], *, most: int, side_by_side: int) -> None:
        self._work = work
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
        while self._waiting:
            group = [self._waiting.popleft() for _ in range(min(len(self._waiting), self._most))]
            try:
                # Whoever has gone by now gets nothing.
                await self._together([pair for pair in group if not pair[1].done()])
            finally:
                for _, future in group:
                    # Only when this task itself is ended: the service stops.
                    future.cancel()

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

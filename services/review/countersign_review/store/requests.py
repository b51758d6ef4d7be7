"""Requests that may come twice: the second is answered what the first one was."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson

from countersign_review.domain.refusals import KeyReused
from countersign_review.store.events import SQL, Connection
from countersign_shared.postgres import Queries

REMEMBERED_FOR = timedelta(days=2)
"""A client that has not heard for two days asks what became of it before it tries again."""


@dataclass(frozen=True, slots=True)
class Identified:
    """A request and its identity: the caller's key, None where they gave none, and a digest of all it says.

    ``version`` is the version of the claim it rests on, where the caller named one.
    """

    key: str | None
    sha256: str
    version: int | None = None


class Requests:
    """Remembers answers, in the transaction that made them."""

    def __init__(self) -> None:
        self._queries = Queries.load(SQL / "actions.sql")

    async def once(
        self, connection: Connection, caller: str, request: Identified, now: datetime,
        work: Callable[[], Awaitable[dict[str, Any]]],
    ) -> dict[str, Any]:  # fmt: skip
        """Do the work, unless the same request was answered before: then return that answer.

        Called before any other lock is taken. Another request under a known key is refused.
        """
        if request.key is None:
            return await work()
        await connection.execute(self._queries.lock_request, caller, request.key)
        row = await connection.fetchrow(self._queries.request, caller, request.key)
        if row is None:
            answer = await work()
            await connection.execute(
                self._queries.insert_request, caller, request.key, request.sha256, now, orjson.dumps(answer)
            )
            return answer
        if row["request_sha256"] != request.sha256:
            raise KeyReused("This idempotency key came with another request before; use a new one.")
        known: dict[str, Any] = orjson.loads(row["answer"])
        return known

    async def first(self, connection: Connection, caller: str, request: Identified | None, now: datetime) -> bool:
        """Tell whether a request comes for the first time, and remember it; where its answer is not what counts.

        As ``once``, otherwise: another request under a known key is refused.
        """
        if request is None:
            return True
        seen = True

        async def work() -> dict[str, Any]:
            nonlocal seen
            seen = False
            return {}

        await self.once(connection, caller, request, now, work)
        return request.key is None or not seen

    async def forget(self, connection: Connection, now: datetime) -> None:
        """Forget answers nobody asks for any more."""
        await connection.execute(self._queries.forget_old_requests, now - REMEMBERED_FOR)

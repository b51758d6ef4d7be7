"""Erasures as rows: what was asked for, who has confirmed, what was carried out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from countersign_audit.store import SQL
from countersign_shared.postgres.queries import Queries

MAX_CASES = 1_000
"""Cases of one person that one request is about; few people have so many, and a wrong reference might."""
AT_ONCE = 100
Turn = tuple[datetime, bytes, str]
"""After which erasure the next look begins: when it was asked for, of which case, its id."""
FIRST: Turn = (datetime.min.replace(tzinfo=UTC), b"", "")


@dataclass(frozen=True, slots=True)
class Erasure:
    """One case that is to be erased; ``scope`` is its name in the log."""

    erasure_id: str
    scope: bytes
    tenant: str
    case_id: str
    requested_at: datetime
    erased_at: datetime | None


class ErasureStore:
    """Reads and writes of erasures; every method works inside the caller's transaction, if there is one."""

    def __init__(self) -> None:
        self._queries = Queries.load(SQL / "erasure.sql")

    async def cases_of_subject(self, connection: Any, subject: bytes) -> tuple[list[bytes], bool]:
        """Return the names of the cases that hold anything about a subject, and whether those are all of them."""
        rows = await connection.fetch(self._queries.cases_of_subject, subject, MAX_CASES + 1)
        return [row["scope"] for row in rows[:MAX_CASES]], len(rows) <= MAX_CASES

    async def request(self, connection: Any, erasure: Erasure) -> bool:
        """Note that a case is to be erased; False when this erasure was asked for before."""
        return (
            await connection.fetchval(
                self._queries.request, erasure.erasure_id, erasure.scope, erasure.tenant, erasure.case_id,
                erasure.requested_at,
            )
            is not None
        )  # fmt: skip

    async def of_erasure(self, connection: Any, erasure_id: str) -> list[Erasure]:
        """Return the cases of one erasure."""
        return [Erasure(**row) for row in await connection.fetch(self._queries.of_erasure, erasure_id)]

    async def waiting(self, connection: Any, after: Turn) -> tuple[list[Erasure], Turn]:
        """Return some of what was asked for and not carried out yet, oldest first, and whose turn is next."""
        found = [Erasure(**row) for row in await connection.fetch(self._queries.waiting, AT_ONCE, *after)]
        last = found[-1] if len(found) == AT_ONCE else None
        return found, FIRST if last is None else (last.requested_at, last.scope, last.erasure_id)

    async def confirmed(self, connection: Any, erasure: Erasure) -> set[str]:
        """Return which services the record says have erased the case."""
        services: set[str] = set()
        for row in await connection.fetch(self._queries.confirmations, erasure.scope):
            leaf = orjson.loads(row["leaf"])
            fact = leaf.get("fact") or {}
            service = fact.get("service")
            if isinstance(service, str) and fact.get("erasure_id") == erasure.erasure_id and _its_own(leaf, service):
                services.add(service)
        return services

    async def come_in_since(self, connection: Any) -> Sequence[tuple[bytes, str]]:
        """Return erased cases (scope, erasure) of which the log has sealed something again."""
        return [tuple(row) for row in await connection.fetch(self._queries.come_in_since, AT_ONCE)]

    async def erase(self, connection: Any, scope: bytes) -> int:
        """Destroy a case's data keys and delete what they sealed; returns how many payloads that were."""
        deleted: int = await connection.fetchval(self._queries.erase, scope)
        return deleted

    async def carried_out(self, connection: Any, erasure_id: str, scope: bytes, at: datetime) -> None:
        """Note that an erasure was carried out."""
        await connection.execute(self._queries.carried_out, erasure_id, scope, at)

    async def is_erased(self, connection: Any, scope: bytes) -> bool:
        """Tell whether a case was erased."""
        erased: bool = await connection.fetchval(self._queries.is_erased, scope)
        return erased


def _its_own(leaf: dict[str, Any], service: str) -> bool:
    return leaf.get("source") == f"/countersign/{service}/erasures"

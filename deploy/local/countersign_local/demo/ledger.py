"""What the demo remembers of its cases and of the decisions it saw, in a schema of its own.

The embedded broker forgets its topics when it ends. So each case is kept until every service has read all there is to
read about it, and is submitted again, byte for byte, by the next start. The decisions are counted as an upstream system
would count them: from the topic.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import asyncpg

from countersign_shared.clock import Clock
from countersign_shared.contracts.intake import ParsedCase, parse_case_created
from countersign_shared.messaging.cloudevents import Event, Unreadable, read_event
from countersign_shared.messaging.records import Message, Record, unpack_headers
from countersign_shared.postgres import Queries, migrate, open_pool

SCHEMA = "local"
TOPICS = ("case.created", "decision.made")
_SQL = Path(__file__).parent.parent / "sql"
CaseKey = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Run:
    """A number of demo cases that belong together, and how many of them have arrived."""

    number: int
    size: int
    arrived: int


@dataclass(frozen=True, slots=True)
class DemoCase:
    """A case to be sent for the first time."""

    tenant: str
    case_id: str
    number: int
    message: Message


@dataclass(frozen=True, slots=True)
class Census:
    """The cases of a run by how many decisions they have; right when all are decided once."""

    cases: int
    undecided: int
    decided_once: int
    decided_twice: int
    forked: int

    @property
    def right(self) -> bool:
        """Tell whether every case has exactly one decision."""
        return self.cases == self.decided_once


class Ledger:
    """Reads and writes the demo's own tables."""

    def __init__(self, pool: asyncpg.Pool, clock: Clock) -> None:
        self._pool = pool
        self._clock = clock
        self._queries = Queries.load(_SQL / "queries.sql")

    async def take_up(self, size: int) -> Run:
        """Go on with the latest run if any of it is missing or unfinished, else begin the next; `size` cases in all."""
        row = await self._pool.fetchrow(self._queries.latest_run)
        if row is not None and row["finished"] < row["size"]:
            now = await self._pool.fetchval(self._queries.resize_run, row["run"], size)
            return Run(row["run"], now, row["arrived"])
        number = row["run"] + 1 if row is not None else 1
        await self._pool.execute(self._queries.begin_run, number, size, self._clock())
        return Run(number, size, 0)

    async def highest_number(self) -> int:
        """Return the place of the last demo case in the data set, 0 before the first."""
        number: int = await self._pool.fetchval(self._queries.highest_number)
        return number

    async def unfinished(self) -> list[Message]:
        """Return what has to be submitted again, exactly as it was first."""
        rows = await self._pool.fetch(self._queries.unfinished)
        return [
            Message("case.created", row["partition"], row["key"], row["body"], unpack_headers(row["headers"]))
            for row in rows
        ]

    async def add(self, case: DemoCase, run: int) -> None:
        """Keep a demo case before it is sent."""
        await self._add([(case.tenant, case.case_id, run, case.number, case.message)])

    async def saw_cases(self, records: Sequence[Record]) -> None:
        """Keep cases that others submitted; what no service will read is not kept."""
        found: list[tuple[str, str, int | None, int | None, Message]] = []
        for record in records:
            key = _case_key(record)
            if key is not None:
                message = Message(
                    record.topic, record.partition, record.key or b"", record.value or b"", record.headers
                )
                found.append((*key, None, None, message))
        await self._add(found)

    async def _add(self, cases: Sequence[tuple[str, str, int | None, int | None, Message]]) -> None:
        if not cases:
            return
        tenants, case_ids, runs, numbers, messages = zip(*cases, strict=True)
        await self._pool.execute(
            self._queries.add_cases, tenants, case_ids, runs, numbers, [m.key for m in messages],
            [m.value for m in messages], [m.stored_headers() for m in messages], [m.partition for m in messages],
            self._clock(),
        )  # fmt: skip

    async def saw_decisions(self, events: Sequence[Event]) -> None:
        """Keep which decisions were seen."""
        if not events:
            return
        bodies = [event.body for event in events]
        await self._pool.execute(
            self._queries.add_decisions, [body["tenant"] for body in bodies], [body["case_id"] for body in bodies],
            [event.id for event in events], [sha256(event.data).digest() for event in events],
            [body.get("supersedes") is not None for body in bodies],
            [(body.get("routing") or {}).get("level") for body in bodies], [body.get("mode") for body in bodies],
            self._clock(),
        )  # fmt: skip

    async def finish(self, cases: Sequence[CaseKey]) -> None:
        """Forget the duty to submit these again."""
        tenants, case_ids = zip(*cases, strict=True)
        await self._pool.execute(self._queries.finish, tenants, case_ids, self._clock())

    async def cases_of(self, run: int) -> list[CaseKey]:
        """Return the cases of a run."""
        return [(row["tenant"], row["case_id"]) for row in await self._pool.fetch(self._queries.cases_of_run, run)]

    async def census(self, run: int) -> Census:
        """Count the cases of a run by their decisions."""
        row: Any = await self._pool.fetchrow(self._queries.census, run)
        return Census(**row)

    async def kinds_of_decision(self, run: int) -> list[dict[str, Any]]:
        """Count the decisions of a run by level and mode."""
        return [dict(row) for row in await self._pool.fetch(self._queries.kinds_of_decision, run)]


def _case_key(record: Record) -> CaseKey | None:
    try:
        event = read_event(record)
    except Unreadable:
        return None
    parsed = parse_case_created(event.data, parsed=event.body)
    return (parsed.case.tenant, parsed.case.case_id) if isinstance(parsed, ParsedCase) else None


@dataclass(frozen=True, slots=True)
class Onlooker:
    """The demo's own consumer: keeps cases and decisions, and tells of each decision once it is kept."""

    ledger: Ledger
    decided: Callable[[Event], None]

    async def __call__(self, records: Sequence[Record]) -> Sequence[Message]:
        """Handle one batch; publishes nothing."""
        await self.ledger.saw_cases([record for record in records if record.topic == "case.created"])
        decisions = [read_event(record) for record in records if record.topic == "decision.made"]
        await self.ledger.saw_decisions(decisions)
        for event in decisions:
            self.decided(event)
        return ()


@asynccontextmanager
async def open_ledger(database_url: str, clock: Clock) -> AsyncIterator[Ledger]:
    """Open the demo's tables, made when missing."""
    async with open_pool(database_url, schema=SCHEMA, size=2) as pool:
        await migrate(pool, schema=SCHEMA, migrations=_SQL / "migrations")
        yield Ledger(pool, clock)

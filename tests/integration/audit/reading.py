"""A log's HTTP API, for tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from fastapi import FastAPI, Request

from countersign_audit.api import build_app
from countersign_audit.erasure_desk import ErasureDesk
from countersign_audit.keys import load_keys
from countersign_audit.published import PublishedLog
from countersign_audit.reading_room import ReadingRoom
from countersign_audit.timeline import TimelineReader
from countersign_shared.http import Authenticate, Principal
from countersign_shared.messaging import Record, unpack_headers
from countersign_shared.messaging.outbox import Outbox
from countersign_shared.observability import Health, Metrics
from tests.integration.audit.log import Log, SteppingClock

API = "/api/audit/v1"


async def authenticate(request: Request) -> Principal:
    # Roles and tenants as the caller says them: who may call is under test, not how they prove it.
    return Principal(
        subject="p-77", username="u", roles=frozenset(request.headers["x-roles"].split(",")),
        tenants=frozenset(request.headers.get("x-tenants", "*").split(",")),
    )  # fmt: skip


async def anybody(request: Request) -> Principal:
    return Principal(subject="p-77", username="u", roles=frozenset({"auditor"}), tenants=frozenset("*"))


def application(log: Log, authenticate: Authenticate = authenticate) -> FastAPI:
    numbers = iter(range(1, 100_000))
    room = ReadingRoom(
        log.pool, TimelineReader(load_keys(log.keys_dir)), Outbox(), clock=SteppingClock(),
        new_id=lambda: f"read-{next(numbers)}",
    )  # fmt: skip
    erasures = ErasureDesk(log.pool, TimelineReader(load_keys(log.keys_dir)), Outbox(), SteppingClock())
    return build_app(
        room=room, published=PublishedLog(log.pool), erasures=erasures, health=Health(), metrics=Metrics("audit"),
        authenticate=authenticate,
    )  # fmt: skip


@asynccontextmanager
async def reading(log: Log) -> AsyncIterator[httpx.AsyncClient]:
    """Open a client of the log's API; it calls as an auditor of every tenant unless told otherwise."""
    transport = httpx.ASGITransport(application(log))
    async with httpx.AsyncClient(transport=transport, base_url="http://audit") as client:
        client.headers["x-roles"] = "auditor"
        yield client


async def take_in_announcements(log: Log) -> int:
    """Do what relay and broker do: bring what the reading room announced into the log."""
    rows = await log.rows("SELECT * FROM outbox ORDER BY id")
    await log.add([
        Record(row["topic"], 3, 50 + at, 1, row["key"], row["body"], unpack_headers(row["headers"]))
        for at, row in enumerate(rows)
    ])  # fmt: skip
    return len(rows)

"""A log's HTTP API, for tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from fastapi import FastAPI, Request

from countersign_audit.api import build_app
from countersign_audit.app import build_desks
from countersign_audit.custody.keys import load_keys
from countersign_shared.http import Authenticate, Principal
from countersign_shared.messaging import Record, unpack_headers
from countersign_shared.messaging.outbox import Outbox
from countersign_shared.observability import Health, Metrics
from tests.integration.audit.log import Log, SteppingClock, settings

API = "/api/audit/v1"


async def authenticate(request: Request) -> Principal:
    # Roles and tenants as the caller says them: who may call is under test, not how they prove it.
    return Principal(
        subject="p-77", username="u", roles=frozenset(request.headers["x-roles"].split(",")),
        tenants=frozenset(request.headers.get("x-tenants", "*").split(",")),
        own_roles=frozenset(filter(None, request.headers.get("x-own-roles", "").split(","))),
    )  # fmt: skip


async def anybody(request: Request) -> Principal:
    return Principal(subject="p-77", username="u", roles=frozenset({"auditor"}), tenants=frozenset("*"))


def application(log: Log, authenticate: Authenticate = authenticate) -> FastAPI:
    keys, chosen = load_keys(log.keys_dir), settings(log.database_url, log.keys_dir)
    desks = build_desks(chosen, log.pool, keys, Outbox(), SteppingClock())
    return build_app(desks=desks, health=Health(), metrics=Metrics("audit"), authenticate=authenticate)


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

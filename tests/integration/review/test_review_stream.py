"""The live stream between two instances on one database."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import httpx
import orjson
import pytest

from countersign_review.api import stream as streams
from countersign_shared.runtime import serving
from tests.integration.review.harness import API, BY, Desk, audited, open_desk, record, routed

pytestmark = pytest.mark.postgres
SOON = 1.0
"""Seconds within which a change shows everywhere: the promise. Kept at least once, for the machine is busy."""
LIMIT_SECONDS = 20.0


@dataclass
class Ear:
    """A browser's end of a stream."""

    answer: httpx.Response
    events: asyncio.Queue[tuple[str, dict[str, Any]]] = field(default_factory=asyncio.Queue)
    text: list[str] = field(default_factory=list)
    took: list[float] = field(default_factory=list)

    async def read(self) -> None:
        name = ""
        async for line in self.answer.aiter_lines():
            self.text.append(line)
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            elif line.startswith("data: "):
                self.events.put_nowait((name, orjson.loads(line.removeprefix("data: "))))

    async def next(self) -> tuple[str, dict[str, Any]]:
        return await asyncio.wait_for(self.events.get(), LIMIT_SECONDS)

    async def change(self) -> dict[str, Any]:
        """What was done just now."""
        began = time.monotonic()
        name, data = await self.next()
        assert name == "change"
        self.took.append(time.monotonic() - began)
        return data


@asynccontextmanager
async def following(desk: Desk) -> AsyncIterator[int]:
    """Serve a desk with its live table followed; gives the port."""
    task = asyncio.create_task(desk.parts.live.run())
    try:
        async with serving(desk.app, "127.0.0.1", 0) as port:
            yield port
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@asynccontextmanager
async def listening(port: int, key: str, **headers: str) -> AsyncIterator[Ear]:
    async with (
        httpx.AsyncClient(headers={"Authorization": f"Bearer {key}", **headers}, timeout=60) as client,
        client.stream("GET", f"http://127.0.0.1:{port}{API}/stream") as answer,
    ):
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        ear = Ear(answer)
        reading = asyncio.create_task(ear.read())
        try:
            assert (await ear.next())[0] == "ready"
            yield ear
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)


async def test_review_what_happens_on_one_instance_shows_in_the_streams_of_another(database_url: str) -> None:
    async with open_desk(database_url) as a, open_desk(database_url) as b, following(a), following(b) as port:
        key, other = await b.add_user("lea", "lead"), await b.add_user("pia", "policy_author")
        ana = await a.client("ana")
        async with listening(port, key) as ear, listening(port, other) as beside:
            # The first listener of an instance is told to read once it is followed.
            assert (await ear.next())[0] == "resync"
            await a.take_in(record("case.routed", routed("c-1")))
            waiting = await ear.change()
            claim = await ana.claimed()
            taken = await ear.change()
            assert (await ana.post(f"/claims/{claim['claim_id']}/opened")).status_code == 200
            opened = await ear.change()
            assert (await ana.decide(claim)).status_code == 200
            decided = await ear.change()
        assert min(ear.took) < SOON
        # Who may look at no case hears of none; that their session ends they are told like everybody.
        assert not any("change" in line for line in beside.text)
        at = {"tenant": "default", "case_id": "c-1", "queue": "senior", "review_id": claim["review_id"]}
        assert [waiting, taken, opened, decided] == [
            {"kind": kind, **at} for kind in ("waiting", "taken", "changed", "decided")
        ]


async def test_review_a_judgement_in_the_stream_looks_like_a_decision_and_says_nothing(database_url: str) -> None:
    async with open_desk(database_url) as desk, following(desk) as port:
        key = await desk.add_user("eve")
        ana = await desk.client("ana")
        async with listening(port, key) as ear:
            await ear.next()
            await desk.take_in(record("case.routed", audited("c-1")), record("case.routed", routed("c-2", level=1)))
            await ear.change()
            claim = await ana.claimed()
            await ear.change()
            assert (await ana.decide(claim)).status_code == 200
            assert (await ear.change())["kind"] == "decided"
        said = "\n".join(ear.text)
        for word in ("audit", "judg", "approve", "decline", "c-2", "confidence"):
            assert word not in said


async def test_review_the_stream_ends_with_the_account_and_a_reconnect_reads_anew(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "HEARTBEAT_SECONDS", 0.1)
    async with open_desk(database_url) as desk, following(desk) as port:
        key = await desk.add_user("ana", tenants=("a",))
        async with listening(port, key, **{"Last-Event-ID": "7"}) as ear:
            assert (await ear.next())[0] == "resync"
            await desk.parts.departures.disable("ana", by=BY)
            while (event := await ear.next())[0] != "end":
                assert event[0] == "resync"
            assert event[1] == {"reason": "signed_out"}
            assert ": still here" in ear.text


@pytest.mark.parametrize("less", [{"roles": ["reviewer"]}, {"tenants": ["a"]}], ids=["roles", "tenants"])
async def test_review_whose_roles_or_tenants_are_changed_is_told_to_read_anew(
    database_url: str, monkeypatch: pytest.MonkeyPatch, less: dict[str, Any]
) -> None:
    monkeypatch.setattr(streams, "HEARTBEAT_SECONDS", 0.1)
    async with open_desk(database_url) as a, open_desk(database_url) as b, following(a) as here, following(b) as there:
        key, root = await a.add_user("ana", "reviewer", "analyst"), await a.client("root", "admin")
        async with listening(here, key) as ear, listening(there, key) as elsewhere:
            for one in (ear, elsewhere):
                assert (await one.next())[0] == "resync"
            [before] = [one for one in (await root.get("/users")).json()["items"] if one["username"] == "ana"]
            wish = {name: before[name] for name in ("display_name", "roles", "tenants", "authority")} | less
            changed = await root.http.put(
                f"{API}/users/ana", json=wish, headers={"If-Match": str(before["version"])}
            )  # fmt: skip
            assert changed.status_code == 200, changed.text
            for one in (ear, elsewhere):
                assert (await one.next())[0] == "resync"


async def test_review_streams_end_when_the_instance_stops(database_url: str) -> None:
    async with open_desk(database_url) as desk:
        key = await desk.add_user("ana")
        desk.app.state.on_stop.append(desk.parts.hub.close)
        async with serving(desk.app, "127.0.0.1", 0) as port, asyncio.timeout(LIMIT_SECONDS):
            stream = listening(port, key)
            ear = await stream.__aenter__()
        assert await ear.next() == ("end", {"reason": "stopping"})
        await stream.__aexit__(None, None, None)

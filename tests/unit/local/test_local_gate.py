"""The intake's gate in front of the embedded broker."""

from __future__ import annotations

import httpx
from fastapi import FastAPI

from countersign_local.demo.flow import Flow
from countersign_local.demo.gate import Gate


def _client(flow):
    app = FastAPI()

    @app.post("/cases")
    async def take():
        return {"taken": True}

    @app.get("/models")
    async def models():
        return {}

    return httpx.AsyncClient(transport=httpx.ASGITransport(app=Gate(app, flow)), base_url="http://gate")


async def test_cases_pass_until_there_is_no_room():
    async with _client(Flow(limit=2)) as client:
        assert [(await client.post("/cases")).status_code for _ in range(3)] == [200, 200, 429]


async def test_the_refusal_says_when_to_try_again():
    async with _client(Flow(limit=0)) as client:
        answer = await client.post("/cases")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["retry-after"] == "1"
    assert answer.json()["type"].endswith("/too-many-outstanding")


async def test_reading_is_never_refused():
    async with _client(Flow(limit=0)) as client:
        assert (await client.get("/models")).status_code == 200

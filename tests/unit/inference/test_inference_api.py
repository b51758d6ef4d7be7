"""HTTP intake: what it publishes, and what it answers to everything else."""

from __future__ import annotations

import hashlib
from typing import Any

import httpx
import orjson
import pytest

from countersign_inference.api import build_app, build_openapi
from countersign_inference.domain.outstanding import FORGET_AFTER_SECONDS, Outstanding
from countersign_shared.contracts.intake import canonical_digest
from countersign_shared.http import Principal, Problem
from countersign_shared.messaging import Message, Record, read_event
from countersign_shared.observability import Health, Metrics
from tests.unit.inference.loans import LOAN, body_of, scorers

CASES = "/api/inference/v1/cases"


class World:
    """What the intake reaches: a topic, stored digests, a clock, callers by token."""

    def __init__(self, limit: int | None = None) -> None:
        self.published: list[Message] = []
        self.stored: dict[tuple[str, str], bytes] = {}
        self.now = 0.0
        self.callers = {
            "sub": Principal("p-7", "shop", frozenset({"submitter"}), frozenset({"default"})),
            "ana": Principal("p-8", "ana", frozenset({"analyst"}), frozenset({"*"})),
        }
        self.outstanding = Outstanding(limit)
        app = build_app(
            scorers=scorers(), digest=self.digest, publish=self.publish, outstanding=self.outstanding,
            health=Health(), metrics=Metrics("inference"), authenticate=self.authenticate, monotonic=lambda: self.now,
        )  # fmt: skip
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test")

    async def digest(self, key):
        return self.stored.get(key)

    async def publish(self, messages):
        self.published += messages

    async def authenticate(self, request) -> Principal:
        caller = self.callers.get(request.headers.get("authorization", "").removeprefix("Bearer "))
        if caller is None:
            raise Problem(401, "unauthenticated", "Who are you?")
        return caller

    async def post(self, body: Any, *, token: str = "sub", **headers: str) -> httpx.Response:
        content = body if isinstance(body, bytes) else orjson.dumps(body)
        sent = {"authorization": f"Bearer {token}", "content-type": "application/json"} | headers
        return await self.http.post(CASES, content=content, headers=sent)


@pytest.fixture
async def world():
    made = World()
    async with made.http:
        yield made


def problem(answer: httpx.Response, status: int, slug: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert body["type"].endswith(f"/{slug}")
    return body


async def test_a_case_is_published_as_it_was_sent_in_the_name_of_its_sender(world):
    data = orjson.dumps(body_of(0, unheard_of={"kept": [1, None]}), option=orjson.OPT_INDENT_2)
    trace = f"00-{'ab' * 16}-{'cd' * 8}-01"
    answer = await world.post(data, traceparent=trace)
    assert answer.status_code == 202, answer.text
    assert answer.headers["location"] == "/api/review/v1/cases/default/loan-000001"
    (message,) = world.published
    event = read_event(Record(message.topic, 0, 0, 0, message.key, message.value, message.headers))
    assert event.data == data
    assert (event.type, event.source) == ("dev.countersign.case.created.v1", "/countersign/submitters/p-7")
    assert (event.subject, event.traceparent, message.partition) == ("loan-000001", trace.encode(), None)
    assert event.time == "2026-01-02T03:04:05.000000Z"
    assert answer.json() == {
        "tenant": "default", "case_id": "loan-000001", "event_id": event.id,
        "payload_sha256": hashlib.sha256(data).hexdigest(),
    }  # fmt: skip


async def test_the_same_body_again_is_the_same_event(world):
    first, second = await world.post(body_of()), await world.post(body_of())
    assert first.json() == second.json()
    assert world.published[0] == world.published[1]
    assert (await world.post(body_of(1))).json()["event_id"] != first.json()["event_id"]


async def test_a_known_case_is_taken_again_with_the_same_body_and_refused_with_another(world):
    world.stored["default", "loan-000001"] = canonical_digest(body_of())
    later = body_of(0, occurred_at="2026-02-02T00:00:00Z")
    assert (await world.post(later)).status_code == 202
    problem(await world.post(body_of(0, title="Another")), 409, "case-conflict")
    assert len(world.published) == 1


@pytest.mark.parametrize(
    ("body", "slug", "pointer"),
    [
        (b"{", "malformed-json", ""),
        (b"", "empty-body", ""),
        (b"[]", "wrong-type", ""),
        (b'{"case_id":"a","case_id":"b"}', "duplicate-key", ""),
        (b'{"a":' * 40 + b"1" + b"}" * 40, "too-deep", ""),
        ({"case_id": "x"}, "missing-field", "/decision_type"),
        (body_of(0, case_id="no spaces"), "invalid-value", "/case_id"),
        (body_of(0, payload=[]), "wrong-type", "/payload"),
        (body_of(0, tenant=7), "wrong-type", "/tenant"),
        (body_of(0, amount={"value": 12.5, "currency": "USD"}), "wrong-type", "/amount/value"),
        (body_of(0, title="line\nbreak"), "invalid-value", "/title"),
        (body_of(0, occurred_at="2026-02-30T00:00:00Z"), "invalid-value", "/occurred_at"),
        (body_of(0, occurred_at="0001-01-01T00:00:00+23:00"), "invalid-value", "/occurred_at"),
    ],
)
async def test_a_bad_body_is_refused_with_field_and_reason(world, body, slug, pointer):
    said = problem(await world.post(body), 422, slug)
    assert pointer in {error["pointer"] for error in said["errors"]}
    assert all(error["detail"] for error in said["errors"])
    assert world.published == []


async def test_limits_and_types_of_the_request(world):
    problem(await world.post(body_of(0, filler="x" * 200_000)), 413, "too-large")
    problem(await world.post(b"x" * 2_000_000), 413, "too-large")
    problem(await world.post(body_of(), **{"content-type": "text/plain"}), 415, "unsupported-media-type")
    assert (await world.post(body_of(), **{"content-type": "Application/JSON; charset=utf-8"})).status_code == 202


async def test_only_submitters_submit_and_only_for_their_tenants(world):
    problem(await world.post(body_of(), token="nobody"), 401, "unauthenticated")
    problem(await world.post(body_of(), token="ana"), 403, "forbidden")
    problem(await world.post(body_of(0, tenant="other")), 403, "forbidden")
    assert world.published == []


async def test_intake_does_not_run_ahead_of_scoring_on_the_in_memory_broker():
    world = World(limit=2)
    async with world.http:
        assert [(await world.post(body_of(n))).status_code for n in (0, 1, 0)] == [202, 202, 202]
        answer = await world.post(body_of(2))
        problem(answer, 429, "too-many-outstanding")
        assert answer.headers["retry-after"] == "1"
        world.outstanding.leave(("default", "loan-000001"))
        assert (await world.post(body_of(2))).status_code == 202
        world.now = FORGET_AFTER_SECONDS + 1
        assert (await world.post(body_of(3))).status_code == 202


def test_a_place_is_given_back_when_a_case_was_scored_or_lost():
    places = Outstanding(2)
    assert [places.enter(("t", name), 100.0) for name in "aba"] == [True, True, True]
    assert not places.enter(("t", "c"), 159.9)
    places.leave(("t", "a"))
    assert places.enter(("t", "c"), 159.9)
    assert [places.enter(("t", name), 160.0) for name in "de"] == [True, False]


async def test_models_are_listed_with_what_they_read(world):
    answer = await world.http.get("/api/inference/v1/models", headers={"authorization": "Bearer ana"})
    items = {item["decision_type"]: item for item in answer.json()["items"]}
    assert items["refund"] == {
        "decision_type": "refund",
        "scorer": "none",
        "model": None,
        "reads": [],
        "methods": [],
        "shadows": [],
    }
    assert items[LOAN]["scorer"] == "onnx"
    assert items[LOAN]["model"]["name"] == "loan_application-logistic"
    assert "race" not in items[LOAN]["reads"]
    refused = await world.http.get("/api/inference/v1/models", headers={"authorization": "Bearer sub"})
    problem(refused, 403, "forbidden")


def test_the_description_names_the_body_and_every_problem():
    operation = build_openapi()["paths"][CASES]["post"]
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    assert {"case_id", "decision_type", "payload"} <= set(schema["properties"])
    assert "$ref" not in str(schema)
    assert {"202", "409", "413", "415", "422", "429"} <= set(operation["responses"])

from __future__ import annotations

import hashlib

import orjson
import pytest
from pydantic import TypeAdapter

from countersign_review.api.models.desk import Claim
from countersign_shared.contracts.events import EVENTS
from tests.integration.review.harness import Desk, content, record, routed

pytestmark = pytest.mark.postgres


async def test_review_from_routed_case_to_decision_made(desk: Desk) -> None:
    await desk.take_in(record("case.routed", routed()))
    ana = await desk.client("ana")
    queues = (await ana.get("/queues")).json()["items"]
    assert [(queue["queue"], queue["depth"]) for queue in queues] == [("senior", 1)]

    claim = await ana.claimed()
    Claim.model_validate(claim)
    opened = await ana.post(f"/claims/{claim['claim_id']}/opened")
    assert opened.status_code == 200, opened.text
    decided = await ana.decide(claim, "approve")
    assert decided.status_code == 200, decided.text

    sent = await desk.relay_once()
    by_topic = [(message.topic, content(message).get("kind")) for message in sent]
    assert [kind for topic, kind in by_topic if topic == "activity.recorded" and kind.startswith("review")] == [
        "review.claimed", "review.opened", "review.timed",
    ]  # fmt: skip
    for message in sent:
        TypeAdapter(EVENTS[message.topic]).validate_python(content(message))
    made = next(content(message) for message in sent if message.topic == "decision.made")
    assert made["decision_id"] == decided.json()["decision_id"]
    assert made["relation"] == "overrode"
    assert made["mode"] == "human_with_ai"
    assert made["binding"]["shown_sha256"] == [claim["shown_sha256"]]
    sequences = [content(message)["sequence"] for message in sent if message.key == b"loan-1"]
    assert sequences == [1, 2, 3, 4]
    assert {message.partition for message in sent if message.key == b"loan-1"} == {3}


async def test_review_shown_digest_is_over_the_exact_bytes(desk: Desk) -> None:
    await desk.take_in(record("case.routed", routed()))
    ana = await desk.client("ana")
    claim = await ana.claimed()
    context = await ana.get(f"/claims/{claim['claim_id']}/context")
    assert hashlib.sha256(context.content).hexdigest() == claim["shown_sha256"]
    assert orjson.loads(context.content) == claim["context"]

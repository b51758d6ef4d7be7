"""Models that fail on a real broker: every case is scored once or abstained, and nothing else waits for them."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import orjson
import pytest
import yaml

from countersign_inference.app import running
from countersign_inference.registry import PACKAGED_MODELS
from countersign_inference.settings import Settings
from countersign_shared.contracts.events.scored import CaseScored
from countersign_shared.messaging import Bus, Message, open_bus
from countersign_shared.messaging.topics import ensure_topics
from countersign_shared.observability import Health, Metrics
from tests.fixtures.chat_server import ChatServer, chat_server, http, proposing, said
from tests.unit.inference.loans import LOAN, body_of, record

pytestmark = [pytest.mark.kafka, pytest.mark.postgres]

LIMIT_SECONDS = 30.0
SECRETS = ("zoroastrian", "a-secret-author", "nonbinary-secret")


def post(number: int, text: str = "Buy followers at https://spam.example") -> dict:
    payload = {
        "post_id": f"p-{number}", "author_id": "a-secret-author", "text": text, "category": "spam", "followers": 1,
        "reports": 2, "author_religion": "zoroastrian", "author_gender": "nonbinary-secret",
    }  # fmt: skip
    body = body_of(0, case_id=f"post-{number}", decision_type="content_moderation", payload=payload)
    return {name: value for name, value in body.items() if name not in {"amount", "title", "subject_ref"}}


@asynccontextmanager
async def serving(
    kafka_bootstrap: str, topic_prefix: str, database_url: str, directory: Path, server: ChatServer
) -> AsyncIterator[Bus]:
    """Run the service with the loans' model, and posts judged by a language model."""
    await ensure_topics(kafka_bootstrap, prefix=topic_prefix, partitions=3)
    models = directory / "models"
    models.mkdir()
    shutil.copy(PACKAGED_MODELS / f"{LOAN}.yaml", models)
    shutil.copytree(PACKAGED_MODELS / LOAN, models / LOAN)
    (models / "posts.yaml").write_text(yaml.safe_dump({
        "scorer": "openai", "decision_type": "content_moderation", "name": "llm", "release": "1", "model": "small",
        "base_url": server.url, "external": False, "fields": ["text", "category"], "instructions": "Judge the post.",
        "limits": {"batch_seconds": 6.0, "request_seconds": 1.5, "attempts": 2, "breaker_seconds": 0.2},
    }), encoding="utf-8")  # fmt: skip
    settings = Settings(
        database_url=database_url, kafka_bootstrap_servers=kafka_bootstrap, topic_prefix=topic_prefix, http_port=0,
        models_dir=models,
    )  # fmt: skip
    async with (
        open_bus(settings, service="upstream", health=Health(), metrics=Metrics("upstream")) as bus,
        running(settings),
    ):
        yield bus


async def publish(bus: Bus, bodies: list[dict]) -> None:
    records = [record(body) for body in bodies]
    await bus.publish([Message("case.created", None, one.key or b"", one.value or b"", one.headers) for one in records])


async def scored(bus: Bus, count: int) -> dict[str, CaseScored]:
    async with asyncio.timeout(LIMIT_SECONDS):
        while len(found := await bus.read_all("case.scored")) < count:
            await asyncio.sleep(0.05)
    assert len(found) == count
    return {one.key.decode(): CaseScored.model_validate_json(one.value or b"") for one in found if one.key}


async def hang(_request):
    await asyncio.sleep(30)
    return b""


FAULTS = {
    "slow": (hang, {"model_unavailable", "timeout"}),
    "down": (lambda _request: b"", {"model_unavailable"}),
    "lying": (lambda _request: proposing("remove", {"remove": 0.9}, entities="all"), {"invalid_answer"}),
    "outside the list": (lambda _request: http(orjson.dumps({"choices": [{"finish_reason": "stop", "message": {
        "content": said("execute_author")}}]})), {"invalid_answer"}),
    # Last: it asks everybody to wait longer than a batch may take.
    "busy": (lambda _request: http({}, 429, retry_after="7"), {"model_unavailable"}),
}  # fmt: skip


async def test_a_model_server_that_fails_in_every_way_costs_its_own_cases_and_no_others(
    kafka_bootstrap, topic_prefix, database_url, tmp_path
):
    async with (
        chat_server(lambda _request: b"") as server,
        serving(kafka_bootstrap, topic_prefix, database_url, tmp_path, server) as bus,
    ):
        number = 0
        for script, reasons in FAULTS.values():
            server.script = script
            await asyncio.sleep(0.25)
            batch = [post(number + n) for n in range(4)] + [body_of(number + n) for n in range(4)]
            await publish(bus, batch)
            number += 4
            found = await scored(bus, number * 2)
            told = [found[f"post-{number - 1 - n}"] for n in range(4)]
            found_reasons = {one.abstained.reason for one in told if one.abstained}
            # After failures in a row one case tries whether the server is back; the others are not kept waiting.
            assert found_reasons & reasons
            assert found_reasons <= reasons | {"model_unavailable"}
            assert all(one.proposal is None for one in told)
            loans = [one for one in found.values() if one.decision_type == LOAN]
            assert len(loans) == number
            assert all(one.proposal is not None or one.abstained.reason == "missing_input" for one in loans)
        # Once it answers again it is asked again, for new cases; what was published stands.
        server.script = lambda _request: proposing("remove", {"remove": 0.9, "keep": 0.05})
        async with asyncio.timeout(LIMIT_SECONDS):
            again = 0
            while not again or found[f"post-{number + again - 1}"].proposal is None:
                await publish(bus, [post(number + again)])
                again += 1
                found = await scored(bus, number * 2 + again)
                await asyncio.sleep(0.25)
    assert found["post-0"].proposal is None
    leaving = b"".join(server.raw).decode()
    assert not [secret for secret in SECRETS if secret in leaving]
    for one in found.values():
        own = one.model_dump_json(exclude={"case", "payload_sha256"})
        assert not [secret for secret in SECRETS if secret in own]

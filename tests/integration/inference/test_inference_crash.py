"""kill -9 of inference in the middle of a batch, and of a model's server in the middle of its answers."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import sys
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest
import yaml

from countersign_inference.app import running
from countersign_inference.domain.scoring import Abstained, Question, Scored
from countersign_inference.registry import PACKAGED_MODELS
from countersign_inference.settings import Settings
from countersign_inference.store import SCHEMA
from countersign_shared.contracts.events.scored import CaseScored
from countersign_shared.messaging import Bus, Message, open_bus
from countersign_shared.messaging.topics import ensure_topics
from countersign_shared.observability import Health, Metrics
from countersign_shared.postgres.bodies import bodies
from tests.integration.inference.test_inference_chat import POST, models
from tests.unit.inference.loans import LOAN, body_of, record

CASES = 60
LIMIT_SECONDS = 30.0

# The service as it is deployed, gone at the step named as a power cut would have it: nothing is undone by it. Each
# line read is one more life, forked off before anything runs: only the imports are shared.
DIES = """
import asyncio, os, signal, sys
from countersign_inference.app import running
from countersign_inference.settings import Settings
from countersign_inference.store import Store
from countersign_shared.messaging.producer import Publisher
from countersign_shared.runtime import main

keep, send = Store.keep, Publisher._send

def die():
    os.kill(os.getpid(), signal.SIGKILL)

async def before_commit(self, cases, moment):
    die()

async def after_commit(self, cases, moment):
    await keep(self, cases, moment)
    die()

async def half_sent(self, topic, partition, group):
    await asyncio.gather(*await send(self, topic, partition, group))
    die()

def live(step):
    if step == "half_sent":
        Publisher._send = half_sent
    else:
        Store.keep = {"before_commit": before_commit, "after_commit": after_commit}[step]
    main(Settings, running)

for line in sys.stdin:
    if (child := os.fork()) == 0:
        live(line.strip())
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


class Lives:
    """Lives of the service, each of which ends at a step."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def end_at(self, step: str) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{step}\n".encode())
        async with asyncio.timeout(LIMIT_SECONDS):
            assert int(await self._process.stdout.readline()) == -signal.SIGKILL


@asynccontextmanager
async def lives_of(settings: Settings) -> AsyncIterator[Lives]:
    environment = {
        name.upper(): str(getattr(settings, name))
        for name in ("database_url", "kafka_bootstrap_servers", "topic_prefix", "http_port", "instance_id")
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", DIES, env={**os.environ, **environment}, stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        yield Lives(process)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


async def stored(settings: Settings) -> dict[str, bytes]:
    connection = await asyncpg.connect(settings.database_url, server_settings={"search_path": SCHEMA})
    try:
        return {row["case_id"]: bodies().unpack(row["body"]) for row in await connection.fetch("SELECT * FROM cases")}
    finally:
        await connection.close()


def other_models(directory: Path) -> Path:
    """Return the loans' model with another calibrator: whoever scores a case again says something else."""
    directory.mkdir()
    shutil.copytree(PACKAGED_MODELS / LOAN, directory / LOAN)
    document = yaml.safe_load((PACKAGED_MODELS / f"{LOAN}.yaml").read_text(encoding="utf-8"))
    document["calibrator"] = {"version": "another", "method": "platt", "slope": 0.5, "intercept": 0.0}
    (directory / f"{LOAN}.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
    return directory


async def until_scored(bus: Bus) -> dict[str, list]:
    async with asyncio.timeout(LIMIT_SECONDS):
        while True:
            by_case = defaultdict(list)
            for one in await bus.read_all("case.scored"):
                by_case[(one.key or b"").decode()].append(one)
            if len(by_case) == CASES:
                return by_case
            await asyncio.sleep(0.05)


@pytest.mark.kafka
@pytest.mark.postgres
async def test_killed_before_the_commit_after_it_and_between_sends_every_case_is_scored_once(
    kafka_bootstrap, topic_prefix, database_url, tmp_path
):
    await ensure_topics(kafka_bootstrap, prefix=topic_prefix, partitions=3)
    settings = Settings(
        database_url=database_url, kafka_bootstrap_servers=kafka_bootstrap, topic_prefix=topic_prefix, http_port=0,
        instance_id="0",
    )  # fmt: skip
    async with (
        lives_of(settings) as lives,
        open_bus(settings, service="upstream", health=Health(), metrics=Metrics("upstream")) as bus,
    ):
        sent = [record(body_of(number)) for number in range(CASES)]
        await bus.publish(
            [Message("case.created", None, one.key or b"", one.value or b"", one.headers) for one in sent]
        )
        await lives.end_at("before_commit")
        assert await stored(settings) == {}
        await lives.end_at("after_commit")
        kept = await stored(settings)
        assert kept
        assert await bus.read_all("case.scored") == []
        await lives.end_at("half_sent")
        assert await bus.read_all("case.scored")
        kept |= await stored(settings)
        # Its successor has another calibrator, and says of what was scored what was said.
        async with running(settings.model_copy(update={"models_dir": other_models(tmp_path / "models")})):
            found = await until_scored(bus)
    assert set(await stored(settings)) == set(found)
    for case_id, published in found.items():
        # On the topic perhaps more than once, and then the very same bytes, id included.
        assert len({(one.value, one.headers, one.partition) for one in published}) == 1
        event = CaseScored.model_validate_json(published[0].value or b"")
        if case_id in kept:
            assert published[0].value == kept[case_id]
            assert event.model
            assert event.model.calibrator_version != "another"
    assert sum(len(published) for published in found.values()) >= CASES


# A model's server that answers three cases and is killed while it answers the fourth.
SERVER = """
import asyncio, os, signal, sys
from tests.fixtures.chat_server import ChatServer, proposing

answered = 0

def script(request):
    global answered
    answered += 1
    if answered > int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
    return proposing("remove", {"remove": 0.9, "keep": 0.05})

async def main():
    server = ChatServer(script)
    listening = await asyncio.start_server(server.connected, "127.0.0.1", int(sys.argv[1]))
    print(listening.sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


async def model_server(port: int, answers: int) -> tuple[asyncio.subprocess.Process, int]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SERVER, str(port), str(answers), stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": "."},
    )  # fmt: skip
    assert process.stdout
    return process, int(await process.stdout.readline())


async def test_a_model_server_killed_between_answers_costs_the_cases_it_had_not_answered(tmp_path):
    process, port = await model_server(0, 3)
    limits = {"concurrency": 1, "attempts": 1, "breaker_seconds": 0.2, "breaker_failures": 2}
    found = models(tmp_path, f"http://127.0.0.1:{port}/v1", limits=limits)
    scorer = found.scorers["content_moderation"]
    answers = await scorer.score([Question(POST)] * 8)
    assert await process.wait() == -signal.SIGKILL
    assert [isinstance(one, Scored) for one in answers] == [True] * 3 + [False] * 5
    assert {one.reason for one in answers if isinstance(one, Abstained)} == {"model_unavailable"}
    again, _ = await model_server(port, 100)
    try:
        await asyncio.sleep(0.25)
        assert all(isinstance(one, Scored) for one in await scorer.score([Question(POST)] * 4))
    finally:
        again.kill()
        await again.wait()
        await found.aclose()

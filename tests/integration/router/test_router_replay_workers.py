"""The processes that replay: they end with whoever started them, and one that ends by itself is told of."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import orjson
import psutil
import pytest

from countersign_router.domain.controls import Controls
from countersign_router.replaying.brief import Brief
from countersign_router.replaying.workers import WORKERS, ReplayFailedError, open_workers
from countersign_shared.postgres.bodies import bodies
from tests.unit.router.cases import DRAW_KEY, NOW, scored, shipped
from tests.unit.router.replays import KEY, stored


def brief(document: bytes) -> Brief:
    policy = shipped().policy
    return Brief(
        document=document, known_since=None, originals=((policy.sha256, shipped().data, policy.published_at),),
        keys={KEY: DRAW_KEY}, current_key=KEY, history=(), now=NOW,
    )  # fmt: skip


def workers() -> list[psutil.Process]:
    return [one for one in psutil.Process().children() if "countersign_router.replaying" in one.cmdline()]


async def test_they_count_and_end_with_the_context() -> None:
    case, _ = stored(scored("one"), shipped(), Controls())
    async with open_workers(brief(shipped().data)) as evaluate:
        assert len(workers()) == WORKERS
        rows = [(NOW, bodies().pack(case.body))] * 3
        # As many parts as workers: one that has answered has begun, and lowered its own priority before.
        tallies = await asyncio.gather(*(evaluate(rows) for _ in range(WORKERS)))
        assert [(tally.cases, tally.rederived) for tally in tallies] == [(3, 3)] * WORKERS
        assert min(one.nice() for one in workers()) > psutil.Process().nice()
    assert workers() == []


async def test_one_that_dies_is_told_and_the_others_end() -> None:
    with pytest.raises(ReplayFailedError, match="ended by itself"):
        async with open_workers(brief(b"no policy")) as evaluate:
            await evaluate([(NOW, b"")])
    assert workers() == []


async def test_what_ends_one_is_a_line_of_the_log_without_what_a_case_says(capfd: pytest.CaptureFixture[str]) -> None:
    case, _ = stored(scored("one"), shipped(), Controls())
    body = orjson.loads(case.body)
    body["handling"]["sla"]["due_at"] = "Mrs Unforgettable"
    with pytest.raises(ReplayFailedError):
        async with open_workers(brief(shipped().data)) as evaluate:
            await evaluate([(NOW, bodies().pack(orjson.dumps(body)))])
    (line,) = capfd.readouterr().err.splitlines()
    said = orjson.loads(line)
    assert (said["level"], said["message"]) == ("critical", "a process that was replaying ends")
    assert "Traceback" in said["error"]
    assert "Unforgettable" not in line


def test_nobody_else_starts_them() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "countersign_router.replaying"], stdin=subprocess.DEVNULL, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (1, "")
    assert "started by the router" in done.stderr

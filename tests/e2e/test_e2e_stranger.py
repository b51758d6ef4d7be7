"""The programs of the documents, run as they stand there: a client that has never heard of our library."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

import asyncpg
import pytest

from countersign_local.client import open_client
from countersign_local.demo.access import open_access
from countersign_local.demo.reviewer import ScriptedReviewer
from countersign_shared.clock import system_clock
from countersign_shared.messaging.topics import ensure_topics
from tests.fixtures.stack import Stack

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.timeout(600)]

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs" / "how-to").glob("*.md"))]
BLOCK = re.compile(r"^<!-- run: stranger -->\n```(python|sh)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
OURS = re.compile(r"\bcountersign_\w+")
RUN_SECONDS = 120.0


@dataclass(frozen=True)
class Program:
    """One marked block: what runs it, its text and where it stands."""

    language: str
    text: str
    where: str


def programs() -> list[Program]:
    return [
        Program(found[1], found[2], f"{path.relative_to(ROOT)}#{number}")
        for path in DOCUMENTS
        for number, found in enumerate(BLOCK.finditer(path.read_text(encoding="utf-8")), 1)
    ]


def test_the_readme_and_the_how_to_have_programs_that_use_nothing_of_ours():
    found = programs()
    assert {one.where.split("#")[0] for one in found} == {"README.md", "docs/how-to/connect-a-system.md"}
    assert {one.language for one in found} == {"python", "sh"}
    assert not [one.where for one in found if OURS.search(one.text)]


async def test_every_program_gets_its_decision(kafka_broker, database_url, tmp_path):
    if shutil.which("curl") is None:
        pytest.skip("no curl: the programs over HTTP cannot run")
    # A broker of its own: the programs name topics as everybody does, without a prefix.
    await ensure_topics(kafka_broker.bootstrap)
    with Stack(tmp_path, database_url, kafka_broker.bootstrap) as stack:
        await asyncio.to_thread(stack.start)
        async with deciding(stack) as key:
            said = await asyncio.gather(*(run(program, stack, key) for program in programs()))
        # Some read their decision off its topic, and the desk may do so after them.
        deadline = time.monotonic() + RUN_SECONDS
        while made_up := await without_a_decision(database_url, said):
            assert time.monotonic() < deadline, made_up
            await asyncio.sleep(0.1)


async def without_a_decision(database_url: str, said: list[str]) -> list[str]:
    """Return what programs said that names no case with a decision."""
    connection = await asyncpg.connect(database_url)
    try:
        decided = {row["case_id"] for row in await connection.fetch("SELECT case_id FROM review.decisions")}
    finally:
        await connection.close()
    return [
        f"{program.where} said {words!r}"
        for program, words in zip(programs(), said, strict=True)
        if not any(case_id in words for case_id in decided)
    ]


@asynccontextmanager
async def deciding(stack: Stack) -> AsyncIterator[str]:
    """Somebody sits at the desk, for what the policy or a sample sends to people; yields an API key."""
    async with (
        open_access(stack.database_url, stack.url("review"), stack.directory, system_clock) as access,
        open_client(access.url) as client,
    ):
        await access.link("pat", display_name="Pat", roles=("reviewer", "lead"))
        await client.sign_in(await access.token("pat"))
        working = asyncio.create_task(ScriptedReviewer(client, Random(1)).work())
        yield access.api_key
        assert not working.done(), working.exception()
        working.cancel()
        with pytest.raises(asyncio.CancelledError):
            await working


async def run(program: Program, stack: Stack, key: str) -> str:
    """Run a program in an empty directory with nothing but the addresses; returns what it printed."""
    directory = stack.directory / re.sub(r"\W+", "-", program.where)
    directory.mkdir()
    command = [sys.executable, "-W", "error", "-c"] if program.language == "python" else ["bash", "-euc"]
    environment = {
        "PATH": os.environ["PATH"], "KAFKA_BOOTSTRAP_SERVERS": stack.bootstrap, "STOP_AFTER": "1",
        "COUNTERSIGN_URL": stack.url("review"), "COUNTERSIGN_API_KEY": key,
    }  # fmt: skip
    process = await asyncio.create_subprocess_exec(
        *command, program.text, env=environment, cwd=directory,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        out, err = await asyncio.wait_for(process.communicate(), RUN_SECONDS)
    except TimeoutError:
        process.kill()
        _, err = await process.communicate()
        pytest.fail(f"{program.where} is not done after {RUN_SECONDS} s: {err.decode()}")
    assert process.returncode == 0, f"{program.where}: {err.decode()}"
    return out.decode()

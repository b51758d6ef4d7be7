"""`countersign audit` against a service that answers over HTTP: export, prove, verify, and how each ends."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import uvicorn

from countersign_audit.custody.keys import load_keys
from countersign_local.cli.ending import exit_code
from countersign_local.errors import NOT_RIGHT, OK, UNAVAILABLE, USAGE
from countersign_shared.errors import CountersignError
from countersign_verifier.cli import NO_INPUT
from tests.fixtures.commands import Runner, whole
from tests.integration.audit.log import Log, open_log
from tests.integration.audit.reading import anybody, application
from tests.unit.audit.records import one_case

pytestmark = pytest.mark.postgres
CASES = 80


@contextlib.asynccontextmanager
async def serving(log: Log) -> AsyncIterator[str]:
    http = uvicorn.Server(uvicorn.Config(application(log, anybody), port=0, log_level="error", lifespan="off"))
    running = asyncio.create_task(http.serve())
    while not http.started:
        await asyncio.sleep(0.01)
    yield f"http://127.0.0.1:{http.servers[0].sockets[0].getsockname()[1]}"
    http.should_exit = True
    await running


async def countersign(url: str, directory: Path, *words: str) -> tuple[int, str, str]:
    environment = {
        "COUNTERSIGN_URL": url,
        "COUNTERSIGN_API_KEY": "k",
        "COUNTERSIGN_STATE_DIR": str(directory / "state"),
    }

    def call() -> tuple[int, str, str]:
        with contextlib.chdir(directory):
            done = Runner().invoke(whole(), ["audit", *words], env=environment)
        if isinstance(done.exception, CountersignError):
            return exit_code(done.exception), done.stdout, str(done.exception)
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done.exit_code, done.stdout, done.stderr

    # In a thread: a command runs a loop of its own.
    return await asyncio.to_thread(call)


async def test_export_prove_and_verify(database_url: str, tmp_path: Path) -> None:
    async with open_log(database_url, tmp_path / "keys") as log, serving(log) as url:
        await log.add([one for number in range(CASES) for one in one_case(f"case-{number}", number=number)])
        key = load_keys(log.keys_dir).verifier_key(log.writer.origin).text()

        code, out, err = await countersign(url, tmp_path, "export", "out", "--purpose", "test", "--json")
        assert (code, err) == (OK, "")
        assert (json.loads(out)["size"], json.loads(out)["fetched"]) == (1 + CASES * 4, 1 + CASES * 4)
        # The open bundle is fetched anew; what was there is not new for that.
        await log.add(one_case("case-later", number=CASES))
        said = (await countersign(url, tmp_path, "export", "out", "--purpose", "test"))[1]
        assert said.startswith("out: 325 entries of ")
        assert ", 4 of them new." in said
        (tmp_path / "kept").write_bytes((tmp_path / "out" / "checkpoint").read_bytes())

        code, out, _ = await countersign(url, tmp_path, "verify", "out", "--vkey", key, "--old", "kept")
        assert (code, "Verified" in out, "325 entries of the old checkpoint" in out) == (OK, True, True)

        code, out, _ = await countersign(url, tmp_path, "prove", "case-7", "--json")
        assert (code, json.loads(out)) == (OK, {"file": "case-7.proof.json", "entries": 4, "complete": True})
        code, out, _ = await countersign(url, tmp_path, "verify", "case-7.proof.json", "--vkey", key, "--json")
        assert (code, json.loads(out)["verified"]) == (OK, True)
        assert (await countersign(url, tmp_path, "prove", "case-none"))[0] == NOT_RIGHT

        bundle = tmp_path / "out" / "tile" / "entries" / "000"
        bundle.write_bytes(bundle.read_bytes().replace(b"case.scored", b"case.routed", 1))
        code, out, _ = await countersign(url, tmp_path, "verify", "out", "--vkey", key)
        assert (code, "First bad: entry 2:" in out) == (NOT_RIGHT, True)
        code, _, err = await countersign(url, tmp_path, "verify", "out")
        assert (code, "--vkey" in err) == (USAGE, True)
        assert (await countersign(url, tmp_path, "verify", "nowhere", "--vkey", key))[0] == NO_INPUT
        said = [row["body"] for row in await log.rows("SELECT body FROM outbox ORDER BY id")]
        assert [json.loads(body)["body"]["what"] for body in said] == ["export", "export", "proof"]
    code, _, err = await countersign(url, tmp_path, "export", "out")
    assert (code, "is it running?" in err or "does not answer" in err) == (UNAVAILABLE, True)

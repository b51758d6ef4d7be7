"""What a service that cannot start ends with: whether trying again helps, or somebody must change something."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from countersign_shared.errors import AwayError, ConfigurationError, FatalError
from countersign_shared.messaging.topics import ensure_topics
from countersign_shared.postgres import open_pool
from countersign_shared.runtime import EXIT_AWAY, EXIT_CONFIGURATION, EXIT_FATAL, EXIT_OK, Service, main
from countersign_shared.settings import ServiceSettings
from tests.architecture.sources import SERVICES
from tests.fixtures.postgres import named

NOWHERE = "127.0.0.1:1"
AWAY = f"postgresql://nobody@{NOWHERE}/none"
LIMIT_SECONDS = 60.0
RUN = """
import signal, sys
from countersign_shared.starting import start

signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where tests run in the background
start(sys.argv[1])
"""
"""As `python -m` does."""


async def started(service: str, **environment: str) -> asyncio.subprocess.Process:
    """Start a service from environment variables alone."""
    return await asyncio.create_subprocess_exec(
        sys.executable, "-c", RUN, f"countersign_{service}", stderr=asyncio.subprocess.PIPE,
        env={"PATH": os.environ["PATH"], "HTTP_PORT": "0", **environment},
    )  # fmt: skip


async def ended(service: str, **environment: str) -> tuple[int, str]:
    """Run a service until it ends by itself."""
    process = await started(service, **environment)
    try:
        async with asyncio.timeout(LIMIT_SECONDS):
            _, said = await process.communicate()
    except TimeoutError:
        process.kill()
        raise
    return process.returncode or 0, said.decode()


@pytest.mark.parametrize("service", SERVICES)
async def test_a_service_whose_database_is_away_asks_to_be_started_again(service: str) -> None:
    code, said = await ended(service, DATABASE_URL=AWAY, KAFKA_BOOTSTRAP_SERVERS=NOWHERE)
    assert (code, "PostgreSQL does not answer" in said, "Traceback" in said) == (EXIT_AWAY, True, False)


@pytest.mark.postgres
async def test_a_service_whose_database_is_not_there_asks_for_a_change(database_url: str) -> None:
    missing = named(database_url, "no_such_database")
    code, said = await ended("router", DATABASE_URL=missing, KAFKA_BOOTSTRAP_SERVERS=NOWHERE)
    assert (code, "no_such_database" in said, "Traceback" in said) == (EXIT_CONFIGURATION, True, False)


@pytest.mark.postgres
@pytest.mark.parametrize("service", SERVICES)
async def test_a_service_whose_brokers_are_away_asks_to_be_started_again(service: str, database_url: str) -> None:
    code, said = await ended(service, DATABASE_URL=database_url, KAFKA_BOOTSTRAP_SERVERS=NOWHERE)
    assert (code, "Kafka does not answer" in said, "Traceback" in said) == (EXIT_AWAY, True, False)


@pytest.mark.postgres
@pytest.mark.parametrize("address", ["127.0.0.1:port", "kafka:9092,other:x"])
async def test_an_address_of_brokers_that_is_none_is_said_in_one_line(address: str, database_url: str) -> None:
    code, said = await ended("router", DATABASE_URL=database_url, KAFKA_BOOTSTRAP_SERVERS=address)
    assert (code, "HOST:PORT" in said, "Traceback" in said) == (EXIT_CONFIGURATION, True, False)


async def test_a_port_that_is_taken_is_said_before_anything_is_taken_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        # With the database away: whoever asks it first, says so first.
        code, said = await ended("router", DATABASE_URL=AWAY, KAFKA_BOOTSTRAP_SERVERS=NOWHERE, HTTP_PORT=port)
    assert (code, f"127.0.0.1:{port}: Address already in use; set HTTP_PORT" in said) == (EXIT_CONFIGURATION, True)


async def test_an_address_that_is_not_this_machines_is_not_blamed_on_the_port() -> None:
    code, said = await ended("router", DATABASE_URL=AWAY, KAFKA_BOOTSTRAP_SERVERS=NOWHERE, HTTP_HOST="203.0.113.7")
    assert (code, "set HTTP_HOST" in said, "HTTP_PORT" in said) == (EXIT_CONFIGURATION, True, False)


async def test_ctrl_c_while_a_start_waits_for_a_server_ends_it_in_silence() -> None:
    asked = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await reader.read()
        writer.close()

    async with await asyncio.start_server(silent, "127.0.0.1", 0) as server, asyncio.timeout(LIMIT_SECONDS):
        url = f"postgresql://nobody@127.0.0.1:{server.sockets[0].getsockname()[1]}/none?sslmode=disable"
        process = await started("router", DATABASE_URL=url, KAFKA_BOOTSTRAP_SERVERS=NOWHERE)
        await asked.wait()
        process.send_signal(signal.SIGINT)
        _, said = await process.communicate()
    assert (process.returncode, said.decode()) == (EXIT_OK, "")


async def test_a_setting_that_is_no_json_is_named() -> None:
    code, said = await ended(
        "feedback", DATABASE_URL=AWAY, KAFKA_BOOTSTRAP_SERVERS=NOWHERE, REVIEWER_SIGNALS_BY_TENANT="acme=team"
    )
    assert (code, said) == (EXIT_CONFIGURATION, "REVIEWER_SIGNALS_BY_TENANT: must be JSON\n")


async def test_topics_are_not_ensured_at_an_address_that_is_none() -> None:
    with pytest.raises(ConfigurationError, match="HOST:PORT"):
        await ensure_topics("127.0.0.1:port")


@pytest.mark.postgres
async def test_a_standby_that_is_to_be_promoted_is_waited_for(database_url: str) -> None:
    with pytest.raises(AwayError):
        async with open_pool(f"{database_url}?target_session_attrs=standby", schema="x"):
            pass


@pytest.mark.parametrize(
    ("code", "message", "away"),
    [
        ("57P03", "the database system is starting up", True),
        ("57P01", "terminating connection due to administrator command", True),
        ("53300", "sorry, too many clients already", True),
        ("28P01", "password authentication failed", False),
        ("28000", "no pg_hba.conf entry for host", False),
        ("3D000", "database does not exist", False),
    ],
)
async def test_what_the_server_says_tells_whether_it_may_pass(code: str, message: str, *, away: bool) -> None:
    async with answering(code, message) as url:
        with pytest.raises(ConfigurationError, match=message) as refused:
            async with open_pool(url, schema="x"):
                pass
    assert isinstance(refused.value, AwayError) is away


@pytest.mark.parametrize(
    ("fault", "code", "words"),
    [
        (asyncpg.ConnectionDoesNotExistError("connection was closed"), EXIT_AWAY, "went away"),
        (FatalError("an entry is not ours"), EXIT_FATAL, "an entry is not ours"),
        (RuntimeError("a defect"), EXIT_FATAL, "a defect"),
    ],
)
def test_whatever_ends_a_start_is_said_with_a_code(
    fault: Exception, code: int, words: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    @asynccontextmanager
    async def running(_settings: ServiceSettings) -> AsyncIterator[Service]:
        raise fault
        yield

    for name in ("DATABASE_URL", "KAFKA_BOOTSTRAP_SERVERS"):
        monkeypatch.setenv(name, "unused")
    monkeypatch.setenv("HTTP_PORT", "0")
    # The handlers of the log that a service sets up would outlive the test.
    monkeypatch.setattr("countersign_shared.runtime.configure_logging", lambda _level: None)
    with pytest.raises(SystemExit) as ended_with:
        main(ServiceSettings, running)
    assert ended_with.value.code == code
    assert words in caplog.text


@asynccontextmanager
async def answering(code: str, message: str) -> AsyncIterator[str]:
    """A server that refuses whoever comes, as PostgreSQL does."""
    fields = b"".join(kind + text.encode() + b"\0" for kind, text in ((b"S", "FATAL"), (b"C", code), (b"M", message)))

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(int.from_bytes(await reader.readexactly(4), "big") - 4)
        writer.write(b"E" + (len(fields) + 5).to_bytes(4, "big") + fields + b"\0")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        yield f"postgresql://nobody@127.0.0.1:{port}/none?sslmode=disable"

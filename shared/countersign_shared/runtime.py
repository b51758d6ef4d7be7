"""Running one service as a process: ``python -m countersign_<service>``."""

import asyncio
import contextlib
import gc
import logging
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import uvicorn
import uvloop
from fastapi import FastAPI
from pydantic import ValidationError

from countersign_shared.contracts.wording import in_words
from countersign_shared.errors import AwayError, ConfigurationError, FatalError
from countersign_shared.observability.logs import configure_logging
from countersign_shared.postgres.away import may_pass
from countersign_shared.settings import ServiceSettings

log = logging.getLogger(__name__)

EXIT_OK = 0
EXIT_FATAL = 70
"""EX_SOFTWARE: the supervisor should restart the process."""
EXIT_AWAY = 75
"""EX_TEMPFAIL: what the start needs is away; the supervisor should start the process again, after a while."""
EXIT_CONFIGURATION = 78
"""EX_CONFIG: a restart will not help; somebody must change something."""
HTTP_STOP_SECONDS = 5

SettingsT = TypeVar("SettingsT", bound=ServiceSettings)


@dataclass(frozen=True, slots=True)
class Service:
    """A running service: its HTTP application, and a future that resolves when it must end."""

    name: str
    http: FastAPI
    failed: "asyncio.Future[None]"


Running = Callable[[SettingsT], AbstractAsyncContextManager[Service]]


def main(settings_class: type[SettingsT], running: Running[SettingsT]) -> None:
    """Run a service from the environment until SIGINT or SIGTERM.

    Exits with 0; 70 or 75, where the supervisor starts it again; or 78, where somebody must change something.
    """
    try:
        settings = settings_class()
    except ValidationError as error:
        for item in error.errors():
            name = "_".join(str(part) for part in item["loc"]).upper()
            print(f"{name}: {in_words(item)}", file=sys.stderr)  # noqa: T201 - there is no logging yet
        sys.exit(EXIT_CONFIGURATION)
    configure_logging(settings.log_level)
    os.nice(settings.niceness)
    sys.exit(uvloop.run(_run(settings, running)))


async def _run(settings: SettingsT, running: Running[SettingsT]) -> int:
    try:
        async with running(settings) as service, serving(service.http, settings.http_host, settings.http_port) as port:
            settle_memory()
            log.info("%s listens on %s:%d", service.name, settings.http_host, port)
            await _until_asked_or_failed(service)
            if service.failed.done():
                log.critical("%s ends: %s", service.name, service.failed.exception())
                return EXIT_FATAL
    except ConfigurationError as error:
        log.critical("%s", error)
        return exit_code(error)
    except Exception as error:  # noqa: BLE001 - whatever it is, the supervisor is told by the code, and people in a line
        return _said(error)
    return EXIT_OK


def exit_code(error: ConfigurationError) -> int:
    """Return what a process ends with that could not start."""
    return EXIT_AWAY if isinstance(error, AwayError) else EXIT_CONFIGURATION


def _said(error: Exception) -> int:
    """Say what ended the process, with its place only where it is a defect, and return the exit code."""
    if may_pass(error):
        log.critical("PostgreSQL or Kafka went away: %r", error)
        return EXIT_AWAY
    log.critical("it cannot go on: %s", error, exc_info=None if isinstance(error, FatalError) else error)
    return EXIT_FATAL


def settle_memory() -> None:
    """Tell the collector that what was built at start stays, and to look less often; called once services are up.

    A batch of events makes tens of thousands of objects that reference counting frees; walking everything built at
    start for every 700 of them cost a tenth to a third of a handler's time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 100)


async def _until_asked_or_failed(service: Service) -> None:
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, asked.set)
    service.failed.add_done_callback(lambda _: asked.set())
    await asked.wait()


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Any:
        """Leave signals to the process: several servers would each take them from the other."""
        yield


def bind(host: str, port: int) -> socket.socket:
    """Bind a listening socket; a taken port is a ``ConfigurationError`` that names it."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
    except OSError as error:
        sock.close()
        raise ConfigurationError(f"cannot listen on {host}:{port}: {error.strerror}; set HTTP_PORT") from error
    return sock


@asynccontextmanager
async def serving(app: FastAPI, host: str, port: int) -> AsyncIterator[int]:
    """Serve an application while the context is open; gives the port."""
    sock = bind(host, port)
    async with serving_on(app, sock):
        yield int(sock.getsockname()[1])


@asynccontextmanager
async def serving_on(app: FastAPI, sock: socket.socket) -> AsyncIterator[None]:
    """Serve an application on a bound socket, for those who must know the port before; closes it at the end."""
    config = uvicorn.Config(
        app, lifespan="off", log_config=None, access_log=False, http="httptools", loop="none",
        timeout_graceful_shutdown=HTTP_STOP_SECONDS, server_header=False,
    )  # fmt: skip
    server = _Server(config)
    task = asyncio.create_task(_serve(server.serve(sockets=[sock])))
    await _started(server, task)
    try:
        yield
    finally:
        for stop in getattr(getattr(app, "state", None), "on_stop", ()):
            stop()
        server.should_exit = True
        await task
        sock.close()


async def _started(server: uvicorn.Server, task: "asyncio.Task[None]") -> None:
    # uvicorn offers no event for it.
    while not (server.started or task.done()):  # noqa: ASYNC110
        await asyncio.sleep(0.005)


async def _serve(serve: Coroutine[Any, Any, None]) -> None:
    await serve

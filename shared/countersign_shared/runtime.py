"""Running one service as a process: ``python -m countersign_<service>``."""

import asyncio
import contextlib
import errno
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
from pydantic_settings import SettingsError

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
    settings = _settings(settings_class)
    configure_logging(settings.log_level)
    os.nice(settings.niceness)
    sys.exit(uvloop.run(_run(settings, running)))


def _settings(settings_class: type[SettingsT]) -> SettingsT:
    try:
        return settings_class()
    except ValidationError as error:
        wrong = [("_".join(str(part) for part in item["loc"]), in_words(item)) for item in error.errors()]
    except SettingsError as error:
        # Its message holds the field's name between quotation marks, and nothing else of use.
        wrong = [(str(error).split('"')[1], "must be JSON")]
    for name, why in wrong:
        print(f"{name.upper()}: {why}", file=sys.stderr)  # noqa: T201 - there is no logging yet
    sys.exit(EXIT_CONFIGURATION)


async def _run(settings: SettingsT, running: Running[SettingsT]) -> int:
    try:
        # Before anything else: a start that ends over its port must not have taken partitions from those that run.
        with bind(settings.http_host, settings.http_port) as sock:
            return await _run_on(sock, settings, running)
    except ConfigurationError as error:
        log.critical("%s", error)
        return exit_code(error)
    except Exception as error:  # noqa: BLE001 - the process ends, and says why
        return _said(error)


async def _run_on(sock: socket.socket, settings: SettingsT, running: Running[SettingsT]) -> int:
    async with running(settings) as service, serving_on(service.http, sock):
        settle_memory()
        log.info("%s listens on %s:%d", service.name, settings.http_host, sock.getsockname()[1])
        await _until_asked_or_failed(service)
        if service.failed.done():
            log.critical("%s ends: %s", service.name, service.failed.exception())
            return EXIT_FATAL
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
    """Bind a socket to listen on; a taken port or a host that is not here is a ``ConfigurationError`` that names it."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
    except OSError as error:
        sock.close()
        wrong = "HTTP_PORT" if error.errno in {errno.EADDRINUSE, errno.EACCES} else "HTTP_HOST"
        raise ConfigurationError(f"cannot listen on {host}:{port}: {error.strerror}; set {wrong}") from error
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

"""The demo from start to end, inside one event loop."""

import asyncio
import logging
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from countersign_local.demo.access import Access, open_access
from countersign_local.demo.arrivals import Arrivals, with_posts
from countersign_local.demo.finishing import Finisher
from countersign_local.demo.flow import Flow, open_sampler
from countersign_local.demo.gate import Gate
from countersign_local.demo.ground import Ground
from countersign_local.demo.ledger import TOPICS, Ledger, Onlooker, Run, open_ledger
from countersign_local.demo.options import DemoOptions
from countersign_local.demo.progress import Progress
from countersign_local.demo.system import (
    bind_all,
    bounded,
    five_servers,
    five_services,
    service_groups,
    service_settings,
)
from countersign_local.errors import INTERRUPTED, SOFTWARE, CommandError, PartError
from countersign_local.parts.audit_role import restricted_url
from countersign_local.parts.mock_broker import OUTSTANDING_LIMIT
from countersign_local.state import Running, announced
from countersign_shared.background import cancelled
from countersign_shared.clock import Clock
from countersign_shared.messaging.bus import Bus, open_bus
from countersign_shared.messaging.cloudevents import Event
from countersign_shared.messaging.topics import ensure_topics
from countersign_shared.observability import Health, Metrics
from countersign_shared.observability.faults import told
from countersign_shared.settings import ServiceSettings

_STOP_SECONDS = 8.0
_BROKEN_STOP_SECONDS = 0.5
_DRAIN_SECONDS = 5.0
_WATCH_SECONDS = 0.25
"""How often our servers' processes are looked at."""


@dataclass(slots=True)
class Demo:
    """A running demo."""

    options: DemoOptions
    directory: Path
    ground: Ground
    access: Access
    ledger: Ledger
    flow: Flow
    progress: Progress
    arrivals: Arrivals
    run: Run
    submitted_again: int = 0


class Fate:
    """Decides that everything must end: because it was asked for (None), or for a reason."""

    def __init__(self) -> None:
        self.future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.broken = False

    def asked(self) -> None:
        """End as asked; asked a second time, at once."""
        if self.future.done():
            os._exit(INTERRUPTED)
        self.future.set_result(None)

    def struck(self, error: BaseException) -> None:
        """End because something broke; the first reason stands."""
        self.broken = True
        # What is given up without its broker complains of that, beside the one reason that matters.
        logging.getLogger("asyncio").setLevel(logging.CRITICAL)
        if not self.future.done():
            self.future.set_exception(error)

    def check(self) -> None:
        """Raise the reason for which everything must end, or that it was asked for."""
        if self.future.done():
            self.future.result()
            raise CommandError("Ended as asked.", INTERRUPTED)

    def patience(self) -> float:
        """Return how many seconds each part may take to end: nothing is gained by waiting for a broker that is gone."""
        return _BROKEN_STOP_SECONDS if self.broken else _STOP_SECONDS

    def service_failed(self, name: str, failed: "asyncio.Future[None]") -> None:
        """Take a service's failure for everybody's."""
        if not failed.cancelled() and (error := failed.exception()) is not None:
            self.struck(CommandError(f"{name} cannot go on: {told(error)}", SOFTWARE))

    def watch(self, task: "asyncio.Task[None]") -> None:
        """Take the failure of one of our own tasks for everybody's."""
        if not task.cancelled() and (error := task.exception()) is not None:
            self.struck(error)


@asynccontextmanager
async def running_demo(
    options: DemoOptions, ground: Ground, directory: Path, *, clock: Clock, progress: Progress, fate: Fate
) -> AsyncIterator[Demo]:
    """Start everything and give the running demo; what was entered last ends first."""
    sockets = bind_all(options.port)
    settings = service_settings(ground, sockets, directory)
    flow = Flow(limit=OUTSTANDING_LIMIT if ground.broker == "mock" else None)
    if ground.broker == "kafka":
        await ensure_topics(ground.bootstrap, prefix=ground.topic_prefix)
    if ground.embedded_database:
        settings["audit_database_url"] = await restricted_url(ground.database_url)
    async with AsyncExitStack() as stack:
        ledger = await stack.enter_async_context(open_ledger(ground.database_url, clock))
        bus = await stack.enter_async_context(bounded(_bus(settings), "the demo's producer", fate.patience))
        services = await stack.enter_async_context(five_services(settings, clock, fate.patience))
        for service in services:
            service.failed.add_done_callback(partial(fate.service_failed, service.name))
        bus.failed.add_done_callback(partial(fate.service_failed, "the demo"))
        finisher = Finisher(ledger, flow)
        onlooker = Onlooker(ledger, partial(_decided, progress, finisher))
        await stack.enter_async_context(bounded(bus.consume(TOPICS, onlooker), "the demo's consumer", fate.patience))
        gates = {"inference": lambda app: Gate(app, flow)} if ground.broker == "mock" else {}
        await stack.enter_async_context(five_servers(services, sockets, gates, fate.patience))
        sampler = await stack.enter_async_context(
            bounded(
                open_sampler(ground.bootstrap, ground.topic_prefix, {**service_groups(), "countersign-local": TOPICS}),
                "the sampler",
                fate.patience,
            )
        )
        await stack.enter_async_context(background(finisher.run(sampler), fate))
        await stack.enter_async_context(background(_watch(ground, fate), fate))
        access = await stack.enter_async_context(
            open_access(ground.database_url, settings["review_url"], directory, clock)
        )
        stack.enter_context(announced(directory, _announcement(ground, access)))
        run = await ledger.take_up(with_posts(options.cases)) if options.cases else Run(0, 0, 0)
        arrivals = Arrivals(bus, ledger, flow, clock)
        yield Demo(options, directory, ground, access, ledger, flow, progress, arrivals, run)


@asynccontextmanager
async def background(work: Awaitable[None], fate: Fate) -> AsyncIterator[None]:
    """Do something beside everything else; its failure ends the demo, the end of the block ends it."""
    task = asyncio.ensure_future(work)
    task.add_done_callback(fate.watch)
    try:
        yield
    finally:
        await cancelled(task)


async def drain(demo: Demo, fate: Fate) -> None:
    """Let what is on its way arrive, for a moment: the embedded broker forgets it otherwise."""
    if not fate.broken:
        with suppress(TimeoutError):
            async with asyncio.timeout(_DRAIN_SECONDS):
                await demo.flow.wait_until_drained()


def _bus(settings: Mapping[str, Any]) -> AbstractAsyncContextManager[Bus]:
    return open_bus(ServiceSettings(**settings), service="local", health=Health(), metrics=Metrics("local"))


def _decided(progress: Progress, finisher: Finisher, event: Event) -> None:
    finisher.decided(progress.saw(event))


async def _watch(ground: Ground, fate: Fate) -> None:
    """Look after our servers: without the broker nothing would ever end by itself."""
    while True:
        if (ended := ground.ended()) is not None:
            fate.struck(PartError(f"{ended}. Start again: nothing that was decided is lost."))
            return
        await asyncio.sleep(_WATCH_SECONDS)


def _announcement(ground: Ground, access: Access) -> Running:
    return Running(
        pid=os.getpid(), url=access.url, api_key=access.api_key, database_url=ground.database_url,
        kafka_bootstrap_servers=ground.bootstrap, broker=ground.broker, topic_prefix=ground.topic_prefix,
    )  # fmt: skip


def end_on_signals(fate: Fate) -> None:
    """Take Ctrl-C and SIGTERM as a wish to end."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, fate.asked)

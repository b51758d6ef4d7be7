"""The five services in this process, each with an HTTP server on a socket of ours."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from countersign_local.demo.ground import Ground
from countersign_local.errors import CONFIGURATION, CommandError
from countersign_shared.clock import Clock
from countersign_shared.errors import ConfigurationError
from countersign_shared.runtime import Service, bind, serving_on

SERVICES = ("inference", "router", "review", "audit", "feedback")
HOST = "127.0.0.1"
log = logging.getLogger(__name__)
Value = TypeVar("Value")


@asynccontextmanager
async def bounded(
    context: AbstractAsyncContextManager[Value], name: str, patience: Callable[[], float]
) -> AsyncIterator[Value]:
    """Enter a context whose end may take `patience()` seconds and no longer: a producer without a broker never ends."""
    value = await context.__aenter__()
    try:
        yield value
    finally:
        try:
            async with asyncio.timeout(patience()):
                await context.__aexit__(None, None, None)
        except TimeoutError:
            log.info("%s did not end in time", name)


def bind_all(port: int) -> dict[str, socket.socket]:
    """Bind a socket per service, before any service starts: they must know each other's addresses.

    Review gets `port`, which is in the links that people keep, or a free one when it is taken.
    """
    sockets = {service: bind(HOST, 0) for service in SERVICES if service != "review"}
    try:
        sockets["review"] = bind(HOST, port)
    except ConfigurationError:
        log.warning("port %d is taken; the console gets another one", port)
        sockets["review"] = bind(HOST, 0)
    return sockets


def service_settings(ground: Ground, sockets: Mapping[str, socket.socket], directory: Path) -> dict[str, Any]:
    """Return the settings of all services together; each takes those it knows."""
    urls = {service: f"http://{HOST}:{listening.getsockname()[1]}" for service, listening in sockets.items()}
    return {
        "database_url": ground.database_url,
        "kafka_bootstrap_servers": ground.bootstrap,
        "broker": ground.broker,
        "topic_prefix": ground.topic_prefix,
        "http_host": HOST,
        "http_port": 0,
        "jwks_url": f"{urls['review']}/api/review/v1/jwks",
        "audit_keys_dir": directory / "audit-keys",
        "audit_anchors_dir": directory / "audit-anchors",
        # Five pools share one small server.
        "database_pool_size": 6,
        **{f"{service}_url": url for service, url in urls.items()},
    }


def service_groups() -> dict[str, tuple[str, ...]]:
    """Return each service's consumer group with the topics it reads."""
    from countersign_audit import handlers as audit
    from countersign_feedback import handlers as feedback
    from countersign_inference import handlers as inference
    from countersign_review import handlers as review
    from countersign_router import handlers as router

    read = {
        "audit": audit.topics(),
        "feedback": tuple(feedback.TOPICS),
        "inference": tuple(inference.TOPICS),
        "review": tuple(review.TOPICS),
        "router": tuple(router.TOPICS),
    }
    return {f"countersign-{service}": topics for service, topics in read.items()}


@asynccontextmanager
async def five_services(
    settings: Mapping[str, Any], clock: Clock, patience: Callable[[], float]
) -> AsyncIterator[list[Service]]:
    """Run the services; what one finds wrong with its surroundings is a CommandError that names it."""
    async with AsyncExitStack() as stack:
        services = []
        for name, running in _running().items():
            try:
                context = bounded(running(settings, clock), name, patience)
                services.append(await stack.enter_async_context(context))
            except ConfigurationError as error:
                hint = "If what earlier starts kept here is in the way: countersign demo --fresh"
                raise CommandError(f"{name}: {error}. {hint}", CONFIGURATION) from error
        yield services


def _running() -> dict[str, Callable[[Mapping[str, Any], Clock], AbstractAsyncContextManager[Service]]]:
    from countersign_audit import app as audit
    from countersign_audit.settings import Settings as AuditSettings
    from countersign_feedback import app as feedback
    from countersign_feedback.settings import Settings as FeedbackSettings
    from countersign_inference import app as inference
    from countersign_inference.settings import Settings as InferenceSettings
    from countersign_review import app as review
    from countersign_review.settings import Settings as ReviewSettings
    from countersign_router import app as router
    from countersign_router.settings import Settings as RouterSettings

    # Audit first: from the first record on, everything is on the record.
    return {
        "audit": lambda given, clock: audit.running(AuditSettings(**_for_audit(given)), clock=clock),
        "review": lambda given, clock: review.running(ReviewSettings(**given), clock=clock),
        "feedback": lambda given, clock: feedback.running(FeedbackSettings(**given), clock=clock),
        "router": lambda given, clock: router.running(RouterSettings(**given), clock=clock),
        "inference": lambda given, clock: inference.running(InferenceSettings(**given), clock=clock),
    }


def _for_audit(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings with the way into the database that only audit has, where there is one."""
    return {**given, "database_url": given.get("audit_database_url", given["database_url"])}


@asynccontextmanager
async def five_servers(
    services: list[Service], sockets: Mapping[str, socket.socket], wrap: Mapping[str, Callable[[Any], Any]],
    patience: Callable[[], float],
) -> AsyncIterator[None]:  # fmt: skip
    """Serve each service's HTTP application, wrapped where asked."""
    async with AsyncExitStack() as stack:
        for service in services:
            app = wrap.get(service.name, lambda app: app)(service.http)
            context = bounded(serving_on(app, sockets[service.name]), f"{service.name}'s HTTP server", patience)
            await stack.enter_async_context(context)
        yield

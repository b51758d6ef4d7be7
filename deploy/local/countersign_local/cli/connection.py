"""Finding the system a command is about: what the environment names, else what runs on this machine."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from countersign_local.client import Client, open_client
from countersign_local.errors import CONFIGURATION, UNAVAILABLE, CommandError
from countersign_local.state import Running, find_running, state_directory

Result = TypeVar("Result")


def running() -> Running | None:
    """Return the system that runs on this machine, None when there is none."""
    return find_running(state_directory(os.environ))


def over_http(work: Callable[[Client], Awaitable[Result]]) -> Result:
    """Work with a client of the system that COUNTERSIGN_URL and COUNTERSIGN_API_KEY name, else of the local one."""
    found, url = running(), system_url()
    api_key = os.environ.get("COUNTERSIGN_API_KEY") or (found.api_key if found else None)
    if api_key is None:
        raise CommandError(
            "COUNTERSIGN_API_KEY is not set: an administrator makes a key, POST /api/review/v1/api-keys.", CONFIGURATION
        )

    async def talk() -> Result:
        async with open_client(url, api_key=api_key) as client:
            return await work(client)

    return asyncio.run(talk())


def system_url() -> str:
    """Return COUNTERSIGN_URL, or where the local system's console and APIs are."""
    found = running()
    url = os.environ.get("COUNTERSIGN_URL") or (found.url if found else None)
    if url is None:
        raise CommandError(
            "Nothing runs here: start `countersign demo`, or set COUNTERSIGN_URL and COUNTERSIGN_API_KEY.", UNAVAILABLE
        )
    return url.rstrip("/")


def database_url() -> str:
    """Return DATABASE_URL, or the local system's."""
    return _from_environment_or_running("DATABASE_URL", "database_url")


def kafka_bootstrap_servers() -> str:
    """Return KAFKA_BOOTSTRAP_SERVERS, or the local system's."""
    return _from_environment_or_running("KAFKA_BOOTSTRAP_SERVERS", "kafka_bootstrap_servers")


def on_embedded_broker() -> bool:
    """Tell whether the topics are those of the in-memory broker."""
    found = running()
    return found is not None and found.broker == "mock" and not os.environ.get("KAFKA_BOOTSTRAP_SERVERS")


def topic_prefix() -> str:
    """Return TOPIC_PREFIX, or the local system's, which is usually empty."""
    found = running()
    return os.environ.get("TOPIC_PREFIX") or (found.topic_prefix if found else "")


def _from_environment_or_running(variable: str, attribute: str) -> str:
    found: Any = running()
    value = os.environ.get(variable) or (getattr(found, attribute) if found else None)
    if value is None:
        raise CommandError(f"Nothing runs here: start `countersign demo`, or set {variable}.", UNAVAILABLE)
    return str(value)

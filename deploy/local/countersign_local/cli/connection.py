"""Finding the system a command is about: what the environment names, else what runs on this machine."""

import asyncio
import os
import re
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import httpx

from countersign_local.client import Client, Refused, open_client
from countersign_local.errors import CONFIGURATION, NOT_PERMITTED, UNAVAILABLE, CommandError
from countersign_local.state import Running, find_running, known_state_directory

Result = TypeVar("Result")
_UNAUTHENTICATED = 401
_NEW_KEY = "an administrator makes one in the console (API keys), or with POST /api/review/v1/api-keys."


def running() -> Running | None:
    """Return the system that runs on this machine, None when there is none."""
    directory = known_state_directory(os.environ)
    return None if directory is None else find_running(directory)


def over_http(work: Callable[[Client], Awaitable[Result]]) -> Result:
    """Work with a client of the system that COUNTERSIGN_URL and COUNTERSIGN_API_KEY name, else of the local one."""
    url = system_url()
    key = api_key(url)

    async def talk() -> Result:
        async with open_client(url, api_key=key) as client:
            return await work(client)

    try:
        return asyncio.run(talk())
    except Refused as refusal:
        if refusal.status != _UNAUTHENTICATED:
            raise
        raise CommandError(
            f"{url} does not accept the API key (401): it is another system's, has ended or was taken back. "
            f"Set COUNTERSIGN_API_KEY; {_NEW_KEY}", NOT_PERMITTED,
        ) from refusal  # fmt: skip


def api_key(url: str) -> str:
    """Return COUNTERSIGN_API_KEY, or the local system's, which is sent to no other; without one a ``CommandError``."""
    found = running()
    key = os.environ.get("COUNTERSIGN_API_KEY") or (found.api_key if found and found.url == url else None)
    if key is None:
        raise CommandError(f"COUNTERSIGN_API_KEY is not set: {_NEW_KEY}", CONFIGURATION)
    if re.fullmatch("[!-~]+", key) is None:
        raise CommandError(
            "COUNTERSIGN_API_KEY is no API key: those are letters, digits, _ and - in one line, cs_...", CONFIGURATION
        )
    return key


def system_url() -> str:
    """Return COUNTERSIGN_URL, or where the local system's console and APIs are."""
    found = running()
    url = os.environ.get("COUNTERSIGN_URL") or (found.url if found else None)
    if url is None:
        raise CommandError(
            "Nothing runs here: start `countersign demo`, or set COUNTERSIGN_URL and COUNTERSIGN_API_KEY.", UNAVAILABLE
        )
    if re.match(r"https?://[^/?#]", url) is None:
        raise CommandError(f"COUNTERSIGN_URL is {url!r}: it begins with http:// or https://.", CONFIGURATION)
    try:
        _ = httpx.URL(url).host
    except (httpx.InvalidURL, ValueError) as error:
        raise CommandError(f"COUNTERSIGN_URL is {url!r}: {error}.", CONFIGURATION) from error
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

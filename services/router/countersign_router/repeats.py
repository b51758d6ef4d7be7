"""Requests that come again under one Idempotency-Key: they have their effect once, and the same answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson

from countersign_router.store import Change, GivenAnswer
from countersign_shared.errors import CountersignError

ANSWERS_KEPT = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Once:
    """The key under which a request has its effect once, and the hash of the request."""

    key: str
    request_sha256: str


class KeyReused(CountersignError):  # noqa: N818 - a refusal, not a fault
    """One Idempotency-Key came with two different requests."""

    code = "idempotency_key_reused"


async def earlier(change: Change, subject: str, once: Once | None) -> dict[str, Any] | None:
    """Return what the same person's same request came to before; None when it is new or bears no key.

    Another request under the key is ``KeyReused``. A second request waits until the first has committed.
    """
    given = None if once is None else await change.given_answer(subject, once.key)
    if once is None or given is None:
        return None
    if given.request_sha256 != once.request_sha256:
        raise KeyReused("this Idempotency-Key came with another request before; take a fresh one")
    answer: dict[str, Any] = orjson.loads(given.body)
    return answer


async def remember(
    change: Change, subject: str, once: Once | None, answer: Mapping[str, Any], moment: datetime
) -> None:
    """Keep what a request came to, in the transaction of its effect; without a key nothing is kept."""
    if once is not None:
        given = GivenAnswer(once.request_sha256, orjson.dumps(answer))
        await change.give_answer(subject, once.key, given, moment, moment - ANSWERS_KEPT)

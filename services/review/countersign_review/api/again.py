"""Requests that may come twice: the caller's key, and a digest of all that was asked."""

import hashlib
from typing import Annotated

import orjson
from fastapi import Depends, Header, Request

from countersign_review.store.requests import Identified

Key = Annotated[str | None, Header(alias="Idempotency-Key", min_length=1, max_length=200, pattern=r"^[\x21-\x7e]+$")]


async def digest_of(request: Request) -> str:
    """Return a digest of a request: what it would do, whatever key it came with."""
    said = orjson.dumps([request.method, request.url.path, (await request.body()).decode(errors="replace")])
    return hashlib.sha256(said).hexdigest()


async def _identified(request: Request, idempotency_key: Key = None) -> Identified:
    return Identified(idempotency_key, await digest_of(request))


Again = Annotated[Identified, Depends(_identified)]
"""The request's identity: sent again under the same `Idempotency-Key`, it has no second effect."""

"""Idempotency-Key: what makes two requests the same."""

import hashlib
from typing import Annotated

import orjson
from fastapi import Depends, Header, Request

from countersign_router.repeats import Once


async def _once(
    request: Request,
    idempotency_key: Annotated[
        str | None,
        Header(alias="Idempotency-Key", min_length=1, max_length=200, pattern=r"^[\x21-\x7e]+$",
               description="The same request with the same key has its effect once, within a week."),
    ] = None,
) -> Once | None:  # fmt: skip
    if idempotency_key is None:
        return None
    named = request.headers.get("if-match", "")
    identity = orjson.dumps([request.method, request.url.path, named, (await request.body()).decode(errors="replace")])
    return Once(idempotency_key, hashlib.sha256(identity).hexdigest())


OnlyOnce = Annotated[Once | None, Depends(_once)]

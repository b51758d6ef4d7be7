"""Routed cases at rest: packed bodies in, what the router said of a case out."""

from functools import cache
from typing import Any

import orjson

from countersign_shared.postgres.bodies import Bodies


@cache
def bodies() -> Bodies:
    """Return the one packer of this process; the store is used from the event loop's thread only."""
    return Bodies()


def routed_of(stored: bytes) -> dict[str, Any]:
    """Return the body of case.routed that a row of ``cases`` holds."""
    routed: dict[str, Any] = orjson.loads(bodies().unpack(stored))
    return routed

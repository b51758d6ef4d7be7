"""Routed cases at rest: packed bodies in, what the router said of a case out."""

from typing import Any

import orjson

from countersign_shared.postgres.bodies import bodies


def routed_of(stored: bytes) -> dict[str, Any]:
    """Return the body of case.routed that a row of ``cases`` holds."""
    routed: dict[str, Any] = orjson.loads(bodies().unpack(stored))
    return routed

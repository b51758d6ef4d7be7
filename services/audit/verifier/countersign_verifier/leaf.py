"""Reading what an entry says. Whoever wrote it may mean harm: anything that cannot be read says nothing."""

import json
from collections.abc import Mapping
from typing import Any


def said_in(leaf: bytes) -> Mapping[str, Any] | None:
    """Return what an entry says, None for bytes that are no JSON object, or nested without end."""
    try:
        said = json.loads(leaf)
    except (ValueError, RecursionError):
        return None
    return said if isinstance(said, dict) else None

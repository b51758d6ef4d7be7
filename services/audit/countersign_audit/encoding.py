"""The one way this service writes JSON: sorted, compact, ASCII."""

import json
from typing import Any

import orjson


def encode(value: Any) -> bytes:
    """Write JSON with sorted keys and no white space; the same bytes for the same value, always ASCII."""
    data = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    if data.isascii():
        return data
    # Rare: only texts under a commitment hold other letters, never a leaf.
    return json.dumps(value, sort_keys=True, ensure_ascii=True, separators=(",", ":"), allow_nan=False).encode()

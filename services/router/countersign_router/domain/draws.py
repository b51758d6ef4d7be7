"""Keyed draws: random to everybody without the key, the same for ever to everybody with it."""

import hashlib
import hmac
from collections.abc import Callable
from typing import Final

PURPOSES: Final = ("human_only", "blind", "audit", "thin", "seed")

Draws = Callable[[str, str, str], float]
"""Gives the draw in [0, 1) for (purpose, tenant, case id); draws for different purposes are independent."""


def draw(key: bytes, purpose: str, tenant: str, case_id: str) -> float:
    """Return the first 53 bits of HMAC-SHA256(key, purpose, tenant, case_id), divided by 2^53.

    53 bits are what a double holds exactly. NUL joins the parts: neither a purpose nor a case id contains one.
    """
    message = f"{purpose}\0{tenant}\0{case_id}".encode()
    return (int.from_bytes(hmac.digest(key, message, "sha256")[:7], "big") >> 3) * 2.0**-53


def keyed_draws(key: bytes) -> Draws:
    """Return the draws of one key."""

    def draws(purpose: str, tenant: str, case_id: str) -> float:
        return draw(key, purpose, tenant, case_id)

    return draws


def key_id(key: bytes) -> str:
    """Name a key in the record without telling it: the start of its SHA-256 under a fixed prefix."""
    return hashlib.sha256(b"countersign sampling key\0" + key).hexdigest()[:16]

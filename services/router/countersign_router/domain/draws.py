"""Keyed draws: random to everybody without the key, the same for ever to everybody with it."""

import hashlib
from collections.abc import Callable
from typing import Final

PURPOSES: Final = ("human_only", "blind", "audit", "thin", "seed")

BLOCK_BYTES = 64
"""Block size of SHA-256."""

Draws = Callable[[str, str, str], float]
"""Gives the draw in [0, 1) for (purpose, tenant, case id); draws for different purposes are independent."""


def keyed_draws(key: bytes) -> Draws:
    """Return the draws of one key: the first 53 bits of HMAC-SHA256(key, purpose, tenant, case_id), divided by 2^53.

    53 bits are what a double holds exactly. NUL joins the parts: neither a purpose nor a case id contains one. The two
    halves of the HMAC (RFC 2104) are prepared once, which takes more than half off each draw.
    """
    block = (key if len(key) <= BLOCK_BYTES else hashlib.sha256(key).digest()).ljust(BLOCK_BYTES, b"\0")
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block))
    outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in block))

    def draws(purpose: str, tenant: str, case_id: str) -> float:
        first, second = inner.copy(), outer.copy()
        first.update(f"{purpose}\0{tenant}\0{case_id}".encode())
        second.update(first.digest())
        return (int.from_bytes(second.digest()[:7], "big") >> 3) * 2.0**-53

    return draws


def key_id(key: bytes) -> str:
    """Name a key in the record without telling it: the start of its SHA-256 under a fixed prefix."""
    return hashlib.sha256(b"countersign sampling key\0" + key).hexdigest()[:16]

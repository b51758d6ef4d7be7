"""What a decision is bound to: what came in, what was shown, what will be carried out."""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass


def digest(data: bytes) -> str:
    """Return SHA-256 in lower-case hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def chain(previous: str, body: bytes) -> str:
    """Return the payload digest after one more evidence revision: SHA-256 of the previous digest's hex and the body."""
    return digest(previous.encode() + body)


@dataclass(frozen=True, slots=True)
class Bound:
    """The three digests a decision quotes; ``shown`` names every view that was served."""

    payload: str
    shown: Sequence[str]
    execute: str


def stale_parts(quoted: Bound, *, payload: str, shown: Collection[str], execute: str) -> list[str]:
    """Return the names of the digests that do not hold (any more), empty when the decision may stand.

    Every view that was served must be quoted, and none that was not: a decision made on an earlier view did not see
    what came since.
    """
    stale = []
    if quoted.payload != payload:
        stale.append("payload_sha256")
    if set(quoted.shown) != set(shown):
        stale.append("shown_sha256")
    if quoted.execute != execute:
        stale.append("execute_sha256")
    return stale

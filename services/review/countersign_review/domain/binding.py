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


MOST_VIEWS = 64
"""Views that a decision quotes, as many as the log commits to. Nobody decides on the sixty-fifth last one."""


def views_to_quote(served: Sequence[str]) -> list[str]:
    """Return the digests of the newest views served under a claim, each once, the one on the screen last.

    What is older is on the record where it counted: the first view when the case was taken, and the one that an unseen
    answer rested on with that answer.
    """
    newest_first = list(dict.fromkeys(reversed(served)))[:MOST_VIEWS]
    return newest_first[::-1]


@dataclass(frozen=True, slots=True)
class Bound:
    """The three digests a decision quotes; ``shown`` names the views that were served, see ``views_to_quote``."""

    payload: str
    shown: Sequence[str]
    execute: str


def stale_parts(quoted: Bound, *, payload: str, shown: Collection[str], execute: str) -> list[str]:
    """Return the names of the digests that do not hold (any more), empty when the decision may stand.

    Every view in ``shown`` must be quoted, and none that was not served: a decision made on an earlier view did not see
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

"""Small conversions between what events say and what leaves may show."""

from collections.abc import Sequence

from countersign_audit.domain.profile import per_million
from countersign_audit.facts.leaf import Leaf

Secrets = dict[str, bytes | list[bytes]]
"""What enters a leaf only as a commitment, by label."""

MAX_LIST = 64
"""Codes kept of one list; a longer list is cut and the leaf says so. No policy has so many reasons for one case."""


def ppm(value: float | None) -> int | None:
    """Return a number in whole millionths."""
    return None if value is None else per_million(value)


def kept(leaf: Leaf, values: list[str] | None) -> list[str] | None:
    """Return a list of codes as long as a leaf shows it; an empty one is not shown."""
    if not values:
        return None
    if len(values) > MAX_LIST:
        leaf.cut = True
        return values[:MAX_LIST]
    return values


def outcome(said: str | None, params: bytes) -> bytes:
    """Return what `output` commits to: the outcome, a zero byte, and its terms as the bytes they came in."""
    return (said or "").encode() + b"\x00" + params


def commit_to(secrets: Secrets, label: str, text: str | None) -> None:
    """Commit to a text, such as a SHA-256, which on its own could be guessed back from its few possible sources."""
    if text is not None:
        secrets[label] = text.encode()


def commit_to_each(secrets: Secrets, label: str, texts: Sequence[str] | None) -> None:
    """Commit to each of several texts."""
    if texts:
        secrets[label] = [text.encode() for text in texts[:MAX_LIST]]

"""Taking facts out of an event: values of the expected type, and nothing else.

Events come as parsed JSON of any shape. These functions take a value only when it is of the type the contract
gives it, and pass over everything else, so that no event can break the log or bring its own structure into it.
Whether the texts are words is looked at once, on the finished leaf (`entry.leaf_of`).
"""

from collections.abc import Callable
from typing import Any

from countersign_audit.domain.profile import MAX_INTEGER, per_million

Encode = Callable[[Any], bytes]
"""JSON with sorted keys and no white space, the same bytes for the same value."""
Secrets = dict[str, bytes | list[bytes]]
"""What enters a leaf only as a commitment, by label."""
Body = dict[str, Any]

NOTHING: Body = {}
MAX_LIST = 64
"""Codes kept of one list; a longer list is cut and the leaf says so. No policy has so many reasons for one case."""


class Facts:
    """What one event contributes: leaf fields, and what is committed to without being shown."""

    __slots__ = ("encode", "fields", "secrets")

    def __init__(self, encode: Encode) -> None:
        self.encode = encode
        self.fields: Body = {}
        self.secrets: Secrets = {}

    def acted(self, kind: str, pseudonym: Any = None, role: Any = None) -> None:
        """Say who or what did it."""
        actor = self.fields["actor"] = {"kind": kind}
        if pseudonym.__class__ is str:
            actor["id"] = pseudonym
        if role.__class__ is str:
            actor["role"] = role

    def codes(self, name: str, value: Any, key: str | None = None) -> None:
        """Take a list of codes, or of objects that hold a code under ``key``."""
        if value.__class__ is not list:
            return
        if len(value) > MAX_LIST:
            self.fields["cut"] = True
            value = value[:MAX_LIST]
        if key is not None:
            value = [item.get(key) for item in value if item.__class__ is dict]
        self.fields[name] = [item for item in value if item.__class__ is str]

    def secret_text(self, name: str, value: Any) -> None:
        """Commit to a text, such as a SHA-256, which on its own could be guessed back from its few possible sources."""
        if value.__class__ is str:
            self.secrets[name] = value.encode()

    def secret_texts(self, name: str, value: Any) -> None:
        """Commit to each text of a list."""
        if value.__class__ is list:
            self.secrets[name] = [item.encode() for item in value[:MAX_LIST] if item.__class__ is str]

    def secret_outcome(self, said: Body) -> None:
        """Commit to an outcome and its terms as `output`: over {"outcome": ..., "outcome_params": ...}."""
        params = said.get("outcome_params") or NOTHING
        self.secrets["output"] = self.encode({"outcome": said.get("outcome"), "outcome_params": params})


def inner(body: Body, name: str) -> Body:
    """Return a nested object, or an empty one when there is none."""
    value = body.get(name)
    return value if value.__class__ is dict else NOTHING


def texts(out: Body, body: Body, names: tuple[str, ...]) -> Body:
    """Take texts: codes, identifiers, versions, times."""
    for name in names:
        value = body.get(name)
        if value.__class__ is str:
            out[name] = value
    return out


def wholes(out: Body, body: Body, names: tuple[str, ...]) -> Body:
    """Take integers that every reader holds exactly."""
    for name in names:
        value = body.get(name)
        if value.__class__ is int and -MAX_INTEGER <= value <= MAX_INTEGER:
            out[name] = value
    return out


def truths(out: Body, body: Body, names: tuple[str, ...]) -> Body:
    """Take booleans."""
    for name in names:
        value = body.get(name)
        if value is True or value is False:
            out[name] = value
    return out


def scaled(out: Body, body: Body, names: tuple[str, ...]) -> Body:
    """Take numbers in whole millionths, as NAME_ppm."""
    for name in names:
        value = per_million(body.get(name))
        if value is not None:
            out[name + "_ppm"] = value
    return out

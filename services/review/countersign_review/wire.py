"""The few fields that storing an event needs, read without building the rest.

Four of five cases ask nobody: of their nine kilobytes, eight small fields become columns and the bytes are kept as they
came. Only work for people is read whole.
"""

from collections.abc import Callable
from typing import Any

import msgspec
import orjson

from countersign_shared.messaging import Unreadable
from countersign_shared.messaging.cloudevents import parse_object


class _Part(msgspec.Struct, gc=False):
    """What all parts have in common: never in a cycle, so the garbage collector need not look at them."""


class _Case(_Part):
    title: str | None = None


class _Draw(_Part):
    selected: bool


class _Sampling(_Part):
    audit: _Draw


class Routed(_Part):
    """What every routed case is stored by."""

    tenant: str
    case_id: str
    decision_type: str
    level: int
    case: _Case
    sampling: _Sampling
    subject_ref: str | None = None


class Decided(_Part):
    """What every decision is stored by; the terms stay bytes."""

    tenant: str
    case_id: str
    decision_id: str
    closed_as: str
    mode: str
    relation: str
    decided_at: str
    outcome: str | None = None
    outcome_params: msgspec.Raw = msgspec.Raw(b"{}")
    supersedes: str | None = None


def _parser(kind: type[Any]) -> Callable[[bytes], Any]:
    decoder = msgspec.json.Decoder(kind)

    def parse(data: bytes) -> Any:
        try:
            return decoder.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Unreadable("invalid_value", "", str(error)) from error

    return parse


PARSERS: dict[str, Callable[[bytes], Any]] = {
    "case.routed": _parser(Routed),
    "decision.made": _parser(Decided),
    "case.updated": parse_object,
}


def whole(data: bytes) -> dict[str, Any]:
    """Read a body in full."""
    body: dict[str, Any] = orjson.loads(data)
    return body

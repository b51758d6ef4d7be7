"""The few fields that storing an event needs, read without building the rest.

Four of five cases ask nobody: of their nine kilobytes, eight small fields become columns and the bytes are kept as they
came. Work for people needs a few more, and is never read whole either.
"""

from collections.abc import Callable
from typing import Any, TypedDict

import msgspec

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
    seed: _Draw | None = None


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


class _CaseOfWork(TypedDict, total=False):
    title: Any
    payload: Any
    amount: Any
    deadline_at: Any
    language: Any
    submitted_by: Any
    test: Any


class _HandlingOfWork(TypedDict, total=False):
    authority: Any
    withhold: Any
    reviewers_required: Any
    sla: Any
    skills: Any


class _Work(TypedDict, total=False):
    """What a piece of work is made from; a member that is missing is missed by who reads it."""

    tenant: Any
    case_id: Any
    decision_type: Any
    subject_ref: Any
    level: Any
    case: _CaseOfWork
    payload_sha256: Any
    consequence: Any
    reasons: Any
    priority: Any
    queue: Any
    handling: _HandlingOfWork


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


_work = _parser(_Work)


def work(data: bytes) -> dict[str, Any]:
    """Read what a piece of work for people is made from, out of a routed case's body."""
    body: dict[str, Any] = _work(data)
    return body

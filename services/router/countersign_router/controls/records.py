"""Reading records of ``control.changed``: what one says, or why it is not believed."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from pydantic import TypeAdapter, ValidationError

from countersign_router.domain.control_rules import EVIDENCE_KINDS, OWN_KINDS, writer
from countersign_router.store import ControlKey
from countersign_shared.contracts.events.control import ANY, ControlChanged, control_key
from countersign_shared.messaging.cloudevents import Unreadable, read_event
from countersign_shared.messaging.records import Message, Record, pack_headers

TYPE = "dev.countersign.control.changed.v1"
MOST_REVISION = 2**53
"""Revisions are counted by ones; a larger number is nobody's count, and would not survive JSON everywhere."""
CONTROL: TypeAdapter[Any] = TypeAdapter(ControlChanged)
PARTS = ("tenant", "decision_type", "tier")
HELD = {"trip": "trip", "bands.tightened": "tightening of bands"}
"""What acts at once, by kind, in words: one that its writer wrote and nobody can read holds all the same."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What a record says of a control; its writer is entitled to say so."""

    record: Record
    key: ControlKey
    body: Mapping[str, Any]
    event_id: str
    changed_at: str

    @property
    def revision(self) -> int:
        """The number its writer gave this state."""
        revision: int = self.body["revision"]
        return revision

    def message(self) -> Message:
        """Return the event as it was published, to be kept."""
        key, value = self.record.key or b"", self.record.value or b""
        return Message("control.changed", None, key, value, self.record.headers)


@dataclass(frozen=True, slots=True)
class Refused:
    """A record that is not believed. ``held`` is the control that must hold all the same: see ``HELD``."""

    record: Record
    reason: str
    pointer: str
    detail: str
    held: ControlKey | None = None

    @property
    def sha256(self) -> str:
        """The hash of the whole record, by which it is known again."""
        record = self.record
        parts = (record.key or b"", record.value or b"", pack_headers(record.headers))
        return sha256(b"".join(len(part).to_bytes(8, "big") + part for part in parts)).hexdigest()


def read_control(record: Record) -> Claim | Refused:
    """Read one record: shape, key, source and kind must all be right."""
    try:
        event = read_event(record)
    except Unreadable as error:
        source = record.header("ce_source") or b""
        return _refused(record, error.reason, error.pointer, error.detail, source.decode(errors="replace"))
    problem = _problem(event.type, event.body, event.data)
    if problem is not None:
        return _refused(record, *problem, event.source)
    body = event.body
    key = ControlKey(body["kind"], body["tenant"], body["decision_type"], body["tier"])
    if record.key != control_key(*key.parts):
        detail = f"the record's key must be {control_key(*key.parts).decode()}"
        return _refused(record, "wrong_key", "", detail, event.source)
    if event.source != writer(key.kind):
        detail = f"{key.kind} is written by {writer(key.kind)}, not by {event.source}"
        return _refused(record, "foreign_control", "/headers/ce_source", detail, event.source)
    return Claim(record, key, body, event.id, body["changed_at"])


def _problem(event_type: str, body: Mapping[str, Any], data: bytes) -> tuple[str, str, str] | None:
    """Return reason, pointer and detail of what is wrong with an event's body."""
    if event_type != TYPE:
        return "wrong_type", "/headers/ce_type", f"only {TYPE} belongs here"
    if body.get("kind") not in OWN_KINDS | EVIDENCE_KINDS:
        return "unknown_kind", "/kind", "nobody writes controls of this kind"
    try:
        CONTROL.validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        # The first step names the kind among the union, which is no part of the document.
        steps = [str(step) for step in first["loc"][1:]]
        return "invalid_control", "".join(f"/{step}" for step in steps), first["msg"]
    if body["revision"] > MOST_REVISION:
        return "invalid_control", "/revision", f"at most {MOST_REVISION}"
    return _certificate_problem(body) if "certificate" in body["kind"] else None


def _certificate_problem(body: Mapping[str, Any]) -> tuple[str, str, str] | None:
    if not isinstance(body["state"]["model"].get("version"), str):
        return "invalid_control", "/state/model/version", "a certificate names the version of the model it is about"
    if named := next((part for part in PARTS if body[part] == ANY), None):
        return "invalid_control", f"/{named}", "a certificate is about one tenant, one decision type and one tier"
    return None


def _refused(record: Record, reason: str, pointer: str, detail: str, source: str) -> Refused:
    return Refused(record, reason, pointer, detail, _unread(record.key, source))


def unread_state(kind: str, name: str, reason: str) -> dict[str, Any]:
    """Return the most cautious state of a kind in ``HELD``."""
    if kind == "trip":
        return {
            "trip_id": name, "errors": 0, "labels": 0, "alpha": 0.0, "delta": 0.0, "log_e_value": 0.0, "reason": reason,
            "model": None,
        }  # fmt: skip
    nothing_suffices = {"model_name": None, "model_version": None, "calibrator_version": None, "high": 1, "medium": 1}
    return {"tightening_id": name, "limits": [nothing_suffices], "reason": reason, "evidence": None}


def _unread(key: bytes | None, source: str) -> ControlKey | None:
    """Return what a record's key says must hold, if its writer is who writes that: what it says may be unreadable."""
    parts = (key or b"").decode(errors="replace").split("|")
    if len(parts) != len(ControlKey.__slots__) or parts[0] not in HELD or source != writer(parts[0]):
        return None
    named = ControlKey(*parts)
    return named if _is_scope(named) else None


def _is_scope(key: ControlKey) -> bool:
    body = {
        "kind": key.kind, "tenant": key.tenant, "decision_type": key.decision_type, "tier": key.tier, "revision": 1,
        "changed_at": "2026-01-01T00:00:00Z", "changed_by": "", "state": unread_state(key.kind, "x", ""),
    }  # fmt: skip
    try:
        CONTROL.validate_python(body)
    except ValidationError:
        return False
    return True

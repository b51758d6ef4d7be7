"""What waits for people's signatures: everything that would let the machine decide more. Derived from the controls."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from countersign_router.domain.control_rules import is_loosened
from countersign_router.domain.controls import ANY, LOWERS, lifts, lowers, switched

Key = tuple[str, str, str, str]
"""(kind, tenant, decision type, tier)."""
Body = Mapping[str, Any]
Find = Callable[[Key], Body | None]

BECOMES = {
    "certificate.proposed": "certificate.active", "calibrator.proposed": "calibrator.active", "trip": "trip.cleared",
    **LOWERS,
}  # fmt: skip
"""What each piece of evidence, and what a person raised, becomes once people have signed."""
COMES_FROM = {becomes: kind for kind, becomes in BECOMES.items()}


@dataclass(frozen=True, slots=True)
class Waiting:
    """A change that waits for signatures on ``sha256``, the hash of what would come into force and where.

    ``revision`` is that of the evidence; it is no part of the hash unless people sign that very revision (a trip), so
    that a proposal said again keeps its signatures.
    """

    becomes: Key
    comes_from: Key
    revision: int
    sha256: str
    state: Mapping[str, Any]
    why: str


def waiting(bodies: Iterable[Body], now: datetime) -> list[Waiting]:
    """Return all that waits, by key."""
    known = {_key(body): body for body in bodies}
    found = [waits(known.get, body, now) for _, body in sorted(known.items())]
    return [one for one in found if one is not None]


def waits(find: Find, body: Body, now: datetime) -> Waiting | None:
    """Return what waits because of one control; ``find`` gives the newest body of a key, or None."""
    kind, *scope = _key(body)
    if kind not in BECOMES:
        return None
    becomes: Key = (BECOMES[kind], scope[0], scope[1], scope[2])
    present = find(becomes)
    active = None if present is None else present["state"]
    if kind == "trip":
        return None if lifts(active, body) else _lifting(becomes, body)
    if kind in LOWERS:
        return None if lowers(active, body) or _switched(find, body) else _lowering(becomes, body)
    proposed = body["state"]
    if not proposed.get("active", True) or proposed == active:
        return None
    why = is_loosened(proposed, active, now) if kind == "certificate.proposed" else "it changes what confidence means"
    if why is None:
        return None
    return _waiting(becomes, body, proposed, why)


def _lifting(becomes: Key, trip: Body) -> Waiting:
    evidence = {"trip_revision": trip["revision"], "trip": trip["state"]}
    state = {"trip_id": trip["state"]["trip_id"], "reason": "", "evidence": evidence}
    return _waiting(becomes, trip, state, "it lets a tier be automated that evidence holds back")


def _lowering(becomes: Key, raised: Body) -> Waiting:
    evidence = {"revision": raised["revision"], "raised": raised["state"]}
    state = {"tightening_id": raised["state"]["tightening_id"], "reason": "", "evidence": evidence}
    return _waiting(becomes, raised, state, "less confidence will be enough again")


def _switched(find: Find, raised: Body) -> bool:
    """Tell whether people have switched the calibrator since: what is said under the new one is not held back."""
    _, tenant, decision_type, _ = _key(raised)
    present = find(("calibrator.active", tenant, decision_type, ANY))
    return present is not None and switched(raised["state"]["limits"], present["state"])


def _waiting(becomes: Key, body: Body, state: Mapping[str, Any], why: str) -> Waiting:
    document = json.dumps([*becomes, state], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    sha256 = hashlib.sha256(document.encode()).hexdigest()
    return Waiting(becomes, _key(body), body["revision"], sha256, state, why)


def _key(body: Body) -> Key:
    return body["kind"], body["tenant"], body["decision_type"], body["tier"]

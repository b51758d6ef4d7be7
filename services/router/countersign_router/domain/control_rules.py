"""Who may change which control, what is newer than what, and which changes people must sign. Pure rules."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import Enum
from typing import Any

from countersign_router.domain.binomial import at_most
from countersign_router.domain.controls import ended

ROUTER_SOURCE = "/countersign/router"
FEEDBACK_SOURCE = "/countersign/feedback"
OWN_KINDS = frozenset({
    "stop", "peak", "policy", "certificate.active", "calibrator.active", "trip.cleared", "bands.relaxed",
    "bands.raised", "bands.lowered",
})  # fmt: skip
"""Kinds that this service alone writes."""
EVIDENCE_KINDS = frozenset({"trip", "certificate.proposed", "calibrator.proposed", "bands.tightened"})
"""Kinds that feedback alone writes."""


MOST_ERRORS = 100_000
"""No certificate has as many; adding up a number that somebody made up would take for ever."""


class Arrival(Enum):
    """What a record of ``control.changed`` is, beside the state that is known."""

    NEWS = "news"
    KNOWN = "known"
    OLD = "old"
    CONFLICT = "conflict"
    """Another state under a revision that is known: its writer forgot, or there are two."""


def writer(kind: str) -> str:
    """Return the source that may write a kind; ``KeyError`` for a kind nobody writes."""
    if kind in OWN_KINDS:
        return ROUTER_SOURCE
    if kind in EVIDENCE_KINDS:
        return FEEDBACK_SOURCE
    raise KeyError(kind)


def arrival(before: Mapping[str, Any] | None, body: Mapping[str, Any]) -> Arrival:
    """Compare an arriving control's body with the newest one known of its key: revisions only ever grow."""
    if before is None or body["revision"] > before["revision"]:
        return Arrival.NEWS
    if body["revision"] < before["revision"]:
        return Arrival.OLD
    return Arrival.KNOWN if body == before else Arrival.CONFLICT


def is_loosened(proposed: Mapping[str, Any], live: Mapping[str, Any] | None, now: datetime) -> str | None:
    """Say why a proposed certificate needs signatures, or None: it renews a live one and nowhere promises less.

    Both are states of certificates. A renewal names the certificate it renews, binds to the same model, calibrator and
    policy, its threshold, alpha and delta are the same or stricter, and its own figures bear it out. Renewing twice
    never loosens: the stricter one is the next one's measure.
    """
    if live is None or not live.get("active", True):
        return "there is no live certificate that it could renew"
    if ended(live, now):
        return f"the certificate {live['certificate_id']} has expired"
    if proposed.get("renews") != live["certificate_id"]:
        return f"it does not renew the live certificate {live['certificate_id']}"
    return _differs(proposed, live) or unsupported(proposed)


def unsupported(certificate: Mapping[str, Any]) -> str | None:
    """Say that a certificate's own figures do not bear its promise out, or None.

    The exact test: with errors k among labels n, P(X <= k) for X ~ Binomial(n, alpha) must be at most delta. Evidence
    that was looked at several times spends less than delta and passes all the more.
    """
    errors, labels = certificate["errors"], certificate["labels"]
    if errors > MOST_ERRORS:
        return f"its own figures do not bear it out: {errors} wrong"
    chance = at_most(errors, labels, certificate["alpha"])
    if errors <= labels and chance <= certificate["delta"]:
        return None
    return f"its own figures do not bear it out: {errors} wrong of {labels} happen with a chance of {chance:.3g}"


def _differs(proposed: Mapping[str, Any], live: Mapping[str, Any]) -> str | None:
    for part in ("model", "calibrator_version", "automation_sha256"):
        if proposed.get(part) != live.get(part):
            return f"it binds to another {part} than the live certificate"
    if proposed["threshold"] < live["threshold"]:
        return f"its threshold {proposed['threshold']:g} is lower than {live['threshold']:g}"
    for part in ("alpha", "delta"):
        if proposed[part] > live[part]:
            return f"its {part} {proposed[part]:g} is higher than {live[part]:g}"
    return None


def gives_way(limits: Sequence[Mapping[str, Any]], before: Sequence[Mapping[str, Any]]) -> str | None:
    """Say which of the limits that hold now would be lower with these, or None: evidence only tightens.

    Both are the ``limits`` of states of raised bands. What is said of every model holds for each one.
    """
    for one in before:
        over = [other for other in limits if other.get("model_version") is None or _same_speaker(one, other)]
        for name in ("high", "medium"):
            if max((other[name] for other in over), default=0.0) < one[name]:
                about = one.get("model_version") or "every model"
                return f"it would lower what the {name} limit was raised by for {about}, which was {one[name]:g}"
    return None


def _same_speaker(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return all(one.get(name) == other.get(name) for name in ("model_name", "model_version", "calibrator_version"))


def withdraws(proposed: Mapping[str, Any], live: Mapping[str, Any] | None) -> bool:
    """Tell whether evidence takes the live certificate back, which needs nobody's signature."""
    return (
        not proposed.get("active", True)
        and live is not None
        and live.get("active", True)
        and proposed["certificate_id"] == live["certificate_id"]
    )

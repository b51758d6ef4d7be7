"""What a stored case.routed says of its routing, and of the controls that held when it was made."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from countersign_router.domain.controls import (
    ANY,
    LOWERS,
    Certificate,
    Controls,
    RaisedBands,
    Switch,
    TierScope,
)
from countersign_router.domain.policy import HIGHEST_AUTOMATIC_LEVEL
from countersign_router.domain.routing import Routing

STOP_SAID = "Automation is stopped: "
"""How the reason `stopped` begins; what follows is the reason that was given for the stop."""


class Facts(NamedTuple):
    """What a replay compares of one routing; ``reviews`` is how many people's answers it asks for."""

    level: int
    would_automate: bool
    tier: str | None
    band: str | None
    queue: str | None
    reviews: int

    @property
    def automatic(self) -> bool:
        """Whether the machine decided."""
        return self.level <= HIGHEST_AUTOMATIC_LEVEL


def facts_of_event(event: Mapping[str, Any]) -> Facts:
    """Read what was decided then."""
    found, queue = event["consequence"], event["queue"]
    reviews = 0 if queue is None else event["handling"]["reviewers_required"]
    tier = None if found is None else found["tier"]
    return Facts(event["level"], event["would_automate"], tier, event["band"], queue, reviews)


def facts_of_routing(routing: Routing) -> Facts:
    """Read what a routing made now says."""
    found, queue = routing.consequence, routing.queue
    reviews = 0 if queue is None else routing.reviewers_required
    tier = None if found is None else found.tier
    return Facts(routing.level, routing.would_automate, tier, routing.band, queue, reviews)


def controls_then(event: Mapping[str, Any], *, peak: bool) -> Controls:
    """Return the controls as far as the event holds them; ``peak`` it does not hold, see ``rederivation``.

    A stop and a trip stand among the reasons of every case that would have been automatic but for them. Of the
    certificate the status is kept, and of a live one the id and the confidence from which it holds. It is rebuilt so
    that it covers this case's model and policy; a void one so that it covers another policy. What an event does not
    name is taken not to have been there.
    """
    tenant, decision_type = event["tenant"], event["decision_type"]
    reasons = {reason["code"]: reason for reason in event["reasons"]}
    stops = {}
    if "stopped" in reasons:
        stops[ANY, ANY] = Switch(reasons["stopped"]["text"].removeprefix(STOP_SAID))
    tier = None if event["consequence"] is None else event["consequence"]["tier"]
    trips = frozenset({(tenant, decision_type, tier)}) if "tripped" in reasons and tier else frozenset()
    certificates = {}
    certificate = _certificate_then(event)
    if certificate is not None and tier is not None:
        certificates[tenant, decision_type, tier] = certificate
    return Controls(
        stops=stops,
        peaks={(ANY, ANY): Switch("as when the case came")} if peak else {},
        trips=trips,
        certificates=certificates,
        raised_bands=_raised_then(event, tier),
    )


def _raised_then(event: Mapping[str, Any], tier: str | None) -> Mapping[TierScope, tuple[RaisedBands, ...]]:
    limits = event.get("thresholds")
    if limits is None or tier is None:
        return {}
    named = tuple(
        RaisedBands(by=one["id"], reason="As when the case came.", **one["bands"])
        for one in limits["adjustments"] if one["id"] in LOWERS
    )  # fmt: skip
    return {(event["tenant"], event["decision_type"], tier): named} if named else {}


def _certificate_then(event: Mapping[str, Any]) -> Certificate | None:
    said, model, limits = event.get("certificate"), event.get("model"), event.get("thresholds")
    certified = None if limits is None else limits.get("certified")
    if said is None or model is None or (certified is None and said["status"] != "void"):
        return None
    return Certificate(
        id=said.get("id") or "as when the case came", threshold=0.0 if certified is None else certified,
        model_version=model["version"], calibrator_version=model.get("calibrator_version"),
        automation_sha256="" if certified is None else event["policy"]["automation_sha256"],
    )  # fmt: skip

"""Making a stored routing again: the proof that a replay can be believed.

The moment, the case, the proposal, the signals, the policy and the key of the draws are known exactly. The controls
come from their history. Where that does not give the stored routing back (it began after the case, or two machines'
clocks differed), they are read from the event itself: it names a stop, a trip and the certificate's status. Of a peak
it says nothing, so both answers are tried. The controls that give the stored routing back are the true ones, or differ
in what made no difference.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson

from countersign_router.domain.controls import Controls
from countersign_router.domain.draws import Draws
from countersign_router.domain.policy import FACTORS, Policy
from countersign_router.domain.routing import Routing, route
from countersign_router.domain.sampling import Samples
from countersign_router.replaying.facts import controls_then
from countersign_router.replaying.history import ControlHistory

PEAK = "controls.peak"
_PEAKS = {False: (False,), True: (False, True)}


def reads_peak(policy: Policy) -> bool:
    """Tell whether a peak can make a difference under a policy."""
    return any(PEAK in expression.reads for expression in policy.expressions)


def rederive(
    event: Mapping[str, Any],
    policy: Policy,
    now: datetime,
    draws: Draws,
    history: ControlHistory,
    *,
    peak_matters: bool,
) -> tuple[Controls, Routing | None]:
    """Return the controls that held, and the routing made again; None when it does not come out as it was stored."""
    stored = stored_form(event)
    first = history.at(now)
    for controls in (first, *(controls_then(event, peak=peak) for peak in _PEAKS[peak_matters])):
        routing = route(event, policy, controls, now, draws)
        if form(routing) == stored:
            return controls, routing
    return first, None


def form(routing: Routing) -> tuple[object, ...]:
    """Return everything that a routing decides, in the shape an event has it. Wordings are left out: they may improve.

    The principal reasons stand in decision.made alone.
    """
    found, limits = routing.consequence, routing.thresholds
    due = (routing.due_at, routing.at_risk_at) if routing.due_at is not None else None
    return (
        routing.level,
        routing.would_automate,
        None if found is None else (found.tier, found.factors),
        routing.band,
        None if limits is None else (limits.high, limits.medium, limits.certified, _plain(limits.adjustments)),
        [(one["code"], one.get("level"), one.get("rule_id"), _plain(one["values_read"])) for one in routing.reasons],
        routing.certificate,
        _drawn(routing.samples),
        routing.priority,
        routing.queue,
        routing.withhold,
        routing.reviewers_required,
        due,
    )


def stored_form(event: Mapping[str, Any]) -> tuple[object, ...]:
    """Return the same of a stored event."""
    found, limits, handling = event["consequence"], event["thresholds"], event["handling"]
    sla, samples, certificate = handling["sla"], event["sampling"], event["certificate"]
    return (
        event["level"],
        event["would_automate"],
        None if found is None else (found["tier"], tuple(found["factors"][name] for name in FACTORS)),
        event["band"],
        None if limits is None else (*_limits(limits), _plain(limits["adjustments"])),
        [(one["code"], one.get("level"), one.get("rule_id"), _plain(one["values_read"])) for one in event["reasons"]],
        None if certificate is None else certificate["status"],
        tuple(_stored_draw(samples.get(name)) for name in ("human_only", "blind", "audit", "seed")),
        event["priority"],
        event["queue"],
        handling["withhold"],
        handling["reviewers_required"],
        None if sla is None else (datetime.fromisoformat(sla["due_at"]), datetime.fromisoformat(sla["at_risk_at"])),
    )


def _limits(said: Mapping[str, Any]) -> tuple[object, ...]:
    return said["bands"]["high"], said["bands"]["medium"], said.get("certified")


def _plain(value: object) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_UTC_Z | orjson.OPT_SORT_KEYS) if value else b""


def _drawn(samples: Samples) -> tuple[tuple[float, bool], ...]:
    draws = samples.human_only, samples.blind, samples.audit, samples.seed
    return tuple((one.probability, one.selected) for one in draws)


def _stored_draw(draw: Mapping[str, Any] | None) -> tuple[float, bool]:
    """Return a draw of a stored event; seeds are not in those of policies that draw none."""
    return (0.0, False) if draw is None else (draw["probability"], draw["selected"])

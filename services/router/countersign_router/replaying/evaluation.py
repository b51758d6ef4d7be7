"""Routing stored cases again under another policy, and counting what changes."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import orjson

from countersign_router.domain.controls import Controls
from countersign_router.domain.draws import Draws
from countersign_router.domain.policy import Input, Policy
from countersign_router.domain.routing import Routing, route
from countersign_router.replaying.facts import Facts, facts_of_event, facts_of_routing
from countersign_router.replaying.history import ControlHistory
from countersign_router.replaying.rederivation import reads_peak, rederive
from countersign_router.replaying.tally import Case, Judged, SegmentKey, Tally, changes_sides, urgency

MAX_VALUE = 60
"""Characters of a segment's value."""
NO_VALUE = "(none)"
HELD_BACK = frozenset({"stopped", "tripped"})
SETTLED = timedelta(weeks=52)
"""How old a policy counts as that was not in force when a case came: old enough for rules about fresh policies to rest.

It is also the age in a policy's own examples."""


class StoredCase(NamedTuple):
    """One row of the router's: when a case was routed and the body of case.routed, unpacked."""

    routed_at: datetime
    body: bytes


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of every stored case.

    ``known_since`` is when the policy was published, None for a draft. ``originals`` are the policies that routed the
    cases, ``draws`` the draws by key id, ``labels`` the judged cases: (tenant, case id) to whether the AI was wrong.
    """

    policy: Policy
    known_since: datetime | None
    originals: Mapping[str, Policy]
    draws: Mapping[str, Draws]
    current_key: str
    history: ControlHistory = field(default_factory=lambda: ControlHistory(()))
    age: timedelta = SETTLED
    segment_by: tuple[str, ...] = ()
    labels: Mapping[tuple[str, str], bool] | None = None


class Replayer:
    """Answers a question case by case. Holds no state that one case leaves for the next."""

    def __init__(self, question: Question) -> None:
        self._asked = question
        self._peak_matters = {sha256: reads_peak(policy) for sha256, policy in question.originals.items()}
        self._segments = tuple(_segment_readers(question.policy, question.segment_by))
        self._aged: tuple[datetime, Policy] | None = None

    def replay(self, cases: Iterable[StoredCase]) -> Tally:
        """Route these cases again and count."""
        tally = Tally()
        for case in cases:
            self._count(tally, orjson.loads(case.body), case.routed_at)
        tally.prune()
        return tally

    def routing(self, event: Mapping[str, Any], now: datetime) -> Routing:
        """Route one stored case as the policy in question would have."""
        return self._routed(event, now, Tally())

    def _routed(self, event: Mapping[str, Any], now: datetime, tally: Tally) -> Routing:
        asked = self._asked
        draws = asked.draws.get(event["sampling"]["key_id"])
        if draws is None:
            tally.unknown_key += 1
            draws = asked.draws[asked.current_key]
        controls, again = self._as_it_was(event, now, draws, tally)
        return again or route(event, self._policy_at(now), controls, now, draws)

    def _as_it_was(
        self, event: Mapping[str, Any], now: datetime, draws: Draws, tally: Tally
    ) -> tuple[Controls, Routing | None]:
        """Return the controls then, and the routing where the policy in question is the one that made it."""
        asked, reference = self._asked, event["policy"]
        original = None if reference is None else asked.originals.get(reference["sha256"])
        if original is None:
            tally.unpoliced += 1
            return asked.history.at(now), None
        matters = self._peak_matters[original.sha256]
        controls, again = rederive(event, original, now, draws, asked.history, peak_matters=matters)
        if again is None:
            tally.unexplained += 1
            tally.unexplained_cases.append((event["tenant"], event["case_id"]))
            return controls, None
        tally.rederived += 1
        same = original.sha256 == asked.policy.sha256 and asked.known_since == original.published_at
        return controls, again if same else None

    def _policy_at(self, now: datetime) -> Policy:
        """Return the policy with the age it counts as at a moment: its own once published, else a settled one."""
        since = self._asked.known_since
        if since is not None and since <= now:
            return self._asked.policy
        if self._aged is None or self._aged[0] != now:
            self._aged = (now, replace(self._asked.policy, published_at=now - self._asked.age))
        return self._aged[1]

    def _count(self, tally: Tally, event: Mapping[str, Any], now: datetime) -> None:
        if event["case"].get("test", False):
            tally.tests += 1
            return
        before, after = facts_of_event(event), facts_of_routing(self._routed(event, now, tally))
        tally.cases += 1
        tally.held_back += not HELD_BACK.isdisjoint(reason["code"] for reason in event["reasons"])
        tally.moves[before, after] += 1
        reference = event["policy"]
        tally.versions[("", 0, "") if reference is None
                       else (reference["id"], reference["version"], reference["sha256"])] += 1  # fmt: skip
        moment = now.isoformat()
        tally.since = moment if tally.since is None else min(tally.since, moment)
        tally.until = moment if tally.until is None else max(tally.until, moment)
        for name, read in self._segments:
            value = read(event)
            if name not in tally.too_many:
                tally.segments[SegmentKey(name, value, before.automatic, after.automatic, before.would_automate,
                                          after.would_automate, after.level > before.level,
                                          after.level < before.level)] += 1  # fmt: skip
        gains, loses = changes_sides(before, after)
        self._judge(tally, event, before, after, gains=gains)
        if gains or loses:
            case = _listed(event, now, before, after)
            (tally.becoming if gains else tally.leaving).append((urgency(case), case))

    def _judge(self, tally: Tally, event: Mapping[str, Any], before: Facts, after: Facts, *, gains: bool) -> None:
        chance = chance_of_label(event["sampling"])
        if gains and chance == 0.0:
            tally.unlabelled_gains += 1
        labels = self._asked.labels
        error = None if labels is None else labels.get((event["tenant"], event["case_id"]))
        drawn = event["sampling"]["audit"]["selected"] or event["sampling"]["blind"]["selected"]
        if error is not None and drawn:
            # A case judged for another reason is no random one, and random ones alone estimate anything.
            sides = (before.automatic, after.automatic, before.would_automate, after.would_automate)
            tally.judged[Judged(*sides, error=error, chance=chance)] += 1


def chance_of_label(sampling: Mapping[str, Any]) -> float:
    """Return the chance with which a case like this is judged without the AI in sight; 0 when it never is.

    An automatic decision was offered to the audit sample, another to the sample that is answered before the proposal is
    shown. Cases decided without the AI altogether are a sample of their own and not mixed in.
    """
    return float(sampling["audit"]["probability"] or sampling["blind"]["probability"])


def _listed(event: Mapping[str, Any], now: datetime, before: Facts, after: Facts) -> Case:
    proposal = event["proposal"] or {}
    return Case(
        event["tenant"], event["case_id"], now.isoformat(), proposal.get("outcome"), proposal.get("confidence"),
        before, after,
    )  # fmt: skip


Read = Callable[[Mapping[str, Any]], str]


def _segment_readers(policy: Policy, by: Iterable[str]) -> Iterable[tuple[str, Read]]:
    yield "proposal.outcome", _proposed
    yield "tenant", lambda event: str(event["tenant"])
    own = [one for one in policy.inputs if one.type == "boolean" or (one.type == "string" and one.enum is not None)]
    for declared in own:
        yield f"case.{declared.name}", _input_reader(declared)
    for name in by:
        yield name, _payload_reader(name)


def _proposed(event: Mapping[str, Any]) -> str:
    return _word((event["proposal"] or {}).get("outcome"))


def _input_reader(declared: Input) -> Read:
    def read(event: Mapping[str, Any]) -> str:
        value: Any = event["case"] if declared.from_body else event["case"].get("payload")
        for key in declared.path:
            value = value.get(key) if isinstance(value, dict) else None
        return _word(value)

    return read


def _payload_reader(name: str) -> Read:
    def read(event: Mapping[str, Any]) -> str:
        payload = event["case"].get("payload")
        return _word(payload.get(name) if isinstance(payload, dict) else None)

    return read


def _word(value: object) -> str:
    if value is None:
        return NO_VALUE
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)[:MAX_VALUE] if isinstance(value, str | int | float) else "(several)"

"""From a routing to the bytes of its events: case.routed, and decision.made where the machine decides.

What a policy says the same way of every case is written once, when the policy is loaded; per case only the rest is.
case.routed holds case.scored whole, and its bytes are taken over as they came.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from typing import Any

import orjson

from countersign_router.domain.consequence import Consequence, Thresholds
from countersign_router.domain.policy import FACTORS, LEVEL_NAMES
from countersign_router.domain.reasons import Reason
from countersign_router.domain.routing import Routing
from countersign_router.domain.sampling import Samples
from countersign_router.domain.sampling import wire as samples_wire
from countersign_router.language.document import CodeSection, DisclosureSection
from countersign_router.language.loading import LoadedPolicy, words
from countersign_shared.contracts.decision_types import DecisionType
from countersign_shared.contracts.execution import execution
from countersign_shared.contracts.key_facts import Fact

OPTIONS = orjson.OPT_UTC_Z
OWN_FIELDS = frozenset({
    "level", "level_name", "would_automate", "consequence", "band", "thresholds", "reasons", "policy", "certificate",
    "sampling", "priority", "queue", "disclosure", "handling",
})  # fmt: skip
DEFAULT_GRACE_SECONDS = 5
AUTOMATIC_DISCLOSURE = "A computer program made this decision, without a person. You may ask for a review by a person."
ASSISTED_DISCLOSURE = "A computer program proposed an outcome for this case; a person makes the decision."
NO_REASON: Mapping[str, object] = {"codes": [], "other_text": None, "note": None, "category": "none"}


@dataclass(frozen=True, slots=True)
class Speech:
    """What is said the same way of every case: of a policy, or of a decision type that no policy speaks for.

    ``handling`` is the static part of the event's ``handling``, as JSON members without the closing brace's object.
    """

    decision_type: DecisionType | None
    policy: orjson.Fragment | None
    handling: bytes
    sla: Mapping[str, object]
    authority: Mapping[str, object]
    automatic: str
    assisted: str
    execute_template: Mapping[str, Any] | None
    pointers: Mapping[str, str]


def policy_speech(loaded: LoadedPolicy, decision_type: DecisionType) -> Speech:
    """Write down what a policy says of every case."""
    document, policy = loaded.document, loaded.policy
    disclosure = document.disclosure
    if isinstance(disclosure, DisclosureSection):
        automatic, assisted = disclosure.automatic, disclosure.assisted
    else:
        automatic, assisted = AUTOMATIC_DISCLOSURE, disclosure or ASSISTED_DISCLOSURE
    template = document.execute.model_dump(mode="json") if document.execute else None
    sla, authority = document.sla, document.reviewers.authority
    handling = {
        "allowed_outcomes": [_outcome(decision_type, name, policy.outcomes[name].adverse) for name in policy.outcomes],
        "reason_codes": _codes(document.reasons.override),
        "principal_reason_codes": _codes(document.reasons.principal),
        "must_document": document.must_document,
        "skills": document.reviewers.skills,
        "policy_section": document.policy_section.model_dump(mode="json") if document.policy_section else None,
        "execute_template": template,
        "grace_seconds": document.grace_seconds,
        "matrix": policy.matrix,
    }
    reference = {
        "id": policy.id, "version": policy.version, "sha256": policy.sha256,
        "automation_sha256": policy.automation_sha256,
    }  # fmt: skip
    return Speech(
        decision_type=decision_type, policy=orjson.Fragment(orjson.dumps(reference)), handling=_members(handling),
        sla={
            "class": sla.class_, "calendar": sla.calendar, "on_at_risk": sla.on_at_risk, "on_breach": sla.on_breach,
            # Said only where it holds, as it came later.
            **({"pauses_while_asked": True} if sla.pauses_while_asked else {}),
        },
        authority=authority.model_dump(mode="json"), automatic=automatic, assisted=assisted, execute_template=template,
        pointers={f"case.{one.name}": one.path[0] for one in policy.inputs if not one.from_body},
    )  # fmt: skip


def silent_speech(decision_type: DecisionType | None) -> Speech:
    """Write down what can be said where no policy speaks: the decision type's outcomes, and careful defaults."""
    outcomes = [] if decision_type is None else list(decision_type.outcomes)
    handling = {
        "allowed_outcomes": [_outcome(decision_type, name, adverse=False) for name in outcomes],
        "reason_codes": _codes([CodeSection(code="other")]), "principal_reason_codes": [], "must_document": [],
        "skills": [], "policy_section": None, "execute_template": None, "grace_seconds": DEFAULT_GRACE_SECONDS,
        "matrix": None,
    }  # fmt: skip
    return Speech(
        decision_type=decision_type, policy=None, handling=_members(handling),
        sla={"class": "standard", "calendar": None, "on_at_risk": None, "on_breach": None},
        authority={"tier": None, "amount": None, "roles": []}, automatic=AUTOMATIC_DISCLOSURE,
        assisted=ASSISTED_DISCLOSURE, execute_template=None, pointers={},
    )  # fmt: skip


def _outcome(decision_type: DecisionType | None, name: str, adverse: bool) -> dict[str, Any]:
    found = decision_type.outcomes[name].as_dict() if decision_type else {}
    return {**found, "adverse": adverse or found["adverse"]}


def _codes(sections: list[CodeSection]) -> list[dict[str, str]]:
    return [{"code": one.code, "text": one.text or words(one.code)} for one in sections]


def _members(part: Mapping[str, object]) -> bytes:
    return orjson.dumps(part)[1:]


def routed_body(scored: Mapping[str, Any], data: bytes, routing: Routing, speech: Speech, key_id: str) -> bytes:
    """Return the body of case.routed: everything case.scored said, byte for byte, and what the router adds."""
    own = {
        "level": routing.level,
        "level_name": LEVEL_NAMES[routing.level],
        "would_automate": routing.would_automate,
        "consequence": None if routing.consequence is None else _consequence(routing.consequence),
        "band": routing.band,
        "thresholds": None if routing.thresholds is None else _thresholds(routing.thresholds),
        "reasons": routing.reasons,
        "policy": speech.policy,
        "certificate": None if routing.certificate is None
        else {"status": routing.certificate, "id": routing.certificate_id},
        "sampling": _samples(routing.samples, key_id),
        "priority": routing.priority,
        "queue": routing.queue,
        "disclosure": speech.automatic if routing.automatic else speech.assisted,
        "handling": _handling(scored, routing, speech),
    }  # fmt: skip
    if scored["sequence"] != 1 or not OWN_FIELDS.isdisjoint(scored):
        # A field that another service has begun to send under one of our names must not stand there twice.
        kept = {name: value for name, value in scored.items() if name not in OWN_FIELDS}
        data = orjson.dumps({**kept, "sequence": 1})
    # Parts of one copy: an event has some kilobytes, and each `+` would copy them again.
    scored_part, own_part = memoryview(data.rstrip()), memoryview(orjson.dumps(own, option=OPTIONS))
    return b"".join((scored_part[:-1], b",", own_part[1:-2], b",", speech.handling, b"}"))


@lru_cache(maxsize=1024)
def _consequence(found: Consequence) -> orjson.Fragment:
    # There are few: five factors of five values, and most cases look alike.
    return orjson.Fragment(orjson.dumps({
        "tier": found.tier, "factors": dict(zip(FACTORS, found.factors, strict=True)),
    }))  # fmt: skip


@lru_cache(maxsize=1024)
def _samples(samples: Samples, key_id: str) -> orjson.Fragment:
    # Chances stand in the policy; in each there are few.
    return orjson.Fragment(orjson.dumps(samples_wire(samples, key_id)))


def _thresholds(limits: Thresholds) -> orjson.Fragment | dict[str, object]:
    if not limits.adjustments:
        return _unadjusted(limits.high, limits.medium, limits.certified)
    bands = {"high": limits.high, "medium": limits.medium}
    return {"bands": bands, "adjustments": limits.adjustments, "certified": limits.certified}


@lru_cache(maxsize=1024)
def _unadjusted(high: float, medium: float, certified: float | None) -> orjson.Fragment:
    bands = {"high": high, "medium": medium}
    return orjson.Fragment(orjson.dumps({"bands": bands, "adjustments": [], "certified": certified}))


def _handling(scored: Mapping[str, Any], routing: Routing, speech: Speech) -> dict[str, Any]:
    sla = None
    if routing.due_at is not None:
        sla = {**speech.sla, "due_at": routing.due_at, "at_risk_at": routing.at_risk_at}
    authority = speech.authority
    if authority["tier"] is None and routing.consequence is not None:
        authority = {**authority, "tier": routing.consequence.tier}
    return {
        "authority": authority,
        "withhold": routing.withhold,
        "reviewers_required": routing.reviewers_required,
        "sla": sla,
        "key_facts": _key_facts(scored, routing, speech),
    }


def _key_facts(scored: Mapping[str, Any], routing: Routing, speech: Speech) -> list[Fact]:
    """The facts as people see them, those that a rule has raised its hand about with a flag.

    Cases nobody is asked about carry none: they cost more than the routing, and whoever reads such a case later has
    its payload and its decision type.
    """
    if routing.queue is None or speech.decision_type is None:
        return []
    payload = scored["case"]["payload"]
    flags = _flags(routing.reasons, speech.pointers)
    return [
        # Facts are shared between calls: a flag goes into a copy.
        {**fact, "flag": flags[fact["field"]]} if fact["field"] in flags else fact
        for fact in speech.decision_type.key_facts(payload)
    ]


def _flags(reasons: Any, pointers: Mapping[str, str]) -> dict[str, str]:
    flagged: dict[str, str] = {}
    for reason in reasons:
        # What only explains has raised no hand.
        if "rule_id" not in reason or "level" not in reason:
            continue
        for name in reason["values_read"]:
            if name in pointers:
                flagged.setdefault(pointers[name], _flag(reason))
    return flagged


def _flag(reason: Reason) -> str:
    if reason["code"] == "never_automate":
        return "Always for a person"
    specific = reason["code"] not in {"exception", "adjustment", "evaluation_error"}
    return words(reason["code"] if specific else reason["rule_id"])


def decision_body(
    scored: Mapping[str, Any], routing: Routing, speech: Speech, *,
    key_id: str, routed_id: str, decision_id: str, decided_at: datetime,
) -> bytes:  # fmt: skip
    """Return the body of decision.made for a case the machine decides."""
    proposal, found = scored["proposal"], routing.consequence
    case = scored["case"]
    execute = execution(
        speech.execute_template, case=case, outcome=proposal["outcome"], outcome_params=proposal["outcome_params"],
        idempotency_key=decision_id,
    )  # fmt: skip
    execute_bytes = orjson.dumps(execute) if execute is not None else None
    body = {
        "tenant": scored["tenant"],
        "case_id": scored["case_id"],
        "decision_type": scored["decision_type"],
        "subject_ref": scored.get("subject_ref"),
        "sequence": 2,
        "decision_id": decision_id,
        "outcome": proposal["outcome"],
        "outcome_params": proposal["outcome_params"],
        "closed_as": "decided",
        "mode": "automatic",
        "relation": "agreed",
        "supersedes": None,
        "deciders": [],
        "reason": NO_REASON,
        "tags": [],
        "principal_reasons": routing.principal_reasons,
        "disclosure": speech.automatic,
        "routing": {
            "event_id": routed_id,
            "tier": found.tier if found is not None else None,
            "band": routing.band,
            "level": routing.level,
            "would_automate": routing.would_automate,
            "sampling": _samples(routing.samples, key_id),
            "policy": speech.policy,
            "model": scored["model"],
            "confidence": proposal["confidence"],
        },
        "opened_at": None,
        "decided_at": decided_at,
        "sla_met": None,
        "binding": {
            "payload_sha256": scored["payload_sha256"],
            "shown_sha256": [],
            "execute_sha256": None if execute_bytes is None else sha256(execute_bytes).hexdigest(),
        },
        "execute": None if execute_bytes is None else orjson.Fragment(execute_bytes),
        "test": bool(case.get("test", False)),
    }
    return orjson.dumps(body, option=OPTIONS)

"""What a policy file must fulfil beyond its shape: known names, a complete and sensible matrix, no protected fields."""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from countersign_router.domain.policy import BANDS, HIGHEST_AUTOMATIC_LEVEL, TIERS
from countersign_router.language.diagnostics import Diagnostic
from countersign_router.language.document import InputSection, PolicyDocument
from countersign_router.language.references import reference_problems, similar
from countersign_shared.contracts.decision_types import DecisionType

ENVELOPE_INPUTS = frozenset({"amount"})
"""Fields of the case.created that need no `$.` in front where the payload has no field of that name."""
MAX_RULES = 500


def document_problems(document: PolicyDocument, decision_types: Mapping[str, DecisionType]) -> list[Diagnostic]:
    """Say everything that is wrong with a document that has the right shape."""
    decision_type = decision_types.get(document.decision_type)
    if decision_type is None:
        known = ", ".join(sorted(decision_types)) or "none"
        return [Diagnostic("decision_type", f"{document.decision_type!r} is not known; known: {known}")]
    if (rules := len(document.adjust) + len(document.exceptions)) > MAX_RULES:
        return [Diagnostic("exceptions", f"{rules} rules; a policy may have {MAX_RULES}")]
    return [
        *_outcome_problems(document, decision_type),
        *_input_problems(document, decision_type),
        *_matrix_problems(document),
        *_id_problems(document),
        *reference_problems(document, decision_type),
        *_automation_problems(document),
        *_example_problems(document),
    ]


def _outcome_problems(document: PolicyDocument, decision_type: DecisionType) -> Iterator[Diagnostic]:
    principal = any(reason.fields for reason in document.reasons.principal)
    for name, outcome in document.outcomes.items():
        known = decision_type.outcomes.get(name)
        if known is None:
            message = f"{document.decision_type} has no such outcome"
            yield Diagnostic(f"outcomes.{name}", message, hint=similar(name, decision_type.outcomes))
            continue
        if outcome.adverse is False and known.adverse:
            yield Diagnostic(f"outcomes.{name}.adverse", "the decision type says that this outcome is adverse")
        if outcome.automatic and (known.adverse or outcome.adverse) and not principal:
            message = "an adverse outcome can only be automatic when reasons.principal maps model fields to reasons"
            yield Diagnostic(f"outcomes.{name}.automatic", message)


def input_path(name: str, section: InputSection, decision_type: DecisionType) -> tuple[bool, tuple[str, ...]]:
    """Return whether an input stands in the case.created itself (and not in its payload), and the path to it."""
    path = section.path or name
    if path.startswith("$."):
        return True, tuple(path.removeprefix("$.").split("."))
    steps = tuple(path.split("."))
    return steps[0] in ENVELOPE_INPUTS and steps[0] not in _properties(decision_type), steps


def _properties(decision_type: DecisionType) -> Mapping[str, Any]:
    properties: Mapping[str, Any] = decision_type.payload_schema.get("properties", {})
    return properties


def _input_problems(document: PolicyDocument, decision_type: DecisionType) -> Iterator[Diagnostic]:
    properties = _properties(decision_type)
    units = {field.name: field.unit for field in decision_type.fields if field.unit is not None}
    for name, declared in document.inputs.items():
        from_body, (first, *rest) = input_path(name, declared, decision_type)
        if from_body and first == "payload":
            first, from_body = (rest or ["payload"])[0], False
        if from_body:
            continue
        if first in decision_type.protected_fields:
            yield Diagnostic(f"inputs.{name}", f"{first} is protected: no rule may read it")
        elif declared.currency is not None and units.get(first, declared.currency) != declared.currency:
            yield Diagnostic(f"inputs.{name}.currency", f"the decision type has {first} in {units[first]}")
        elif first not in properties:
            message = f"{first!r} is no field of the payload of {document.decision_type}"
            yield Diagnostic(f"inputs.{name}", message, hint=similar(first, properties))


_MONOTONE_HINT = "raise it, or say why in allow_non_monotone"


def _matrix_problems(document: PolicyDocument) -> Iterator[Diagnostic]:
    """A higher tier or a lower band must never get a lower level, unless the policy says why."""
    if document.allow_non_monotone is not None:
        return
    levels = {tier: getattr(document.matrix, tier).model_dump() for tier in TIERS}
    for lower, higher in pairwise(TIERS):
        for band in BANDS:
            if levels[higher][band] < levels[lower][band]:
                message = f"level {levels[higher][band]} is lower than the {levels[lower][band]} of {lower} consequence"
                yield Diagnostic(f"matrix.{higher}.{band}", message, hint=_MONOTONE_HINT)
    for tier in TIERS:
        for better, worse in pairwise(BANDS):
            if levels[tier][worse] < levels[tier][better]:
                message = f"level {levels[tier][worse]} is lower than the {levels[tier][better]} of {better} confidence"
                yield Diagnostic(f"matrix.{tier}.{worse}", message, hint=_MONOTONE_HINT)


def _id_problems(document: PolicyDocument) -> Iterator[Diagnostic]:
    adjustments = [rule.id for rule in document.adjust]
    exceptions = [rule.id for rule in document.exceptions]
    for where, ids in (("adjust", adjustments), ("exceptions", exceptions)):
        for number, name in enumerate(ids):
            if ids.count(name) > 1:
                yield Diagnostic(f"{where}[{number}].id", f"{name!r} is used {ids.count(name)} times")
    if document.never_automate is not None and "never_automate" in exceptions:
        yield Diagnostic("exceptions", "the id never_automate belongs to the floor")


def _automation_problems(document: PolicyDocument) -> Iterator[Diagnostic]:
    for number, tier in enumerate(document.automation.tiers or ()):
        if getattr(document.matrix, tier).high > HIGHEST_AUTOMATIC_LEVEL:
            yield Diagnostic(f"automation.tiers[{number}]", f"the matrix automates nothing of {tier} consequence")


def _example_problems(document: PolicyDocument) -> Iterator[Diagnostic]:
    named: set[str] = set()
    for number, example in enumerate(document.examples):
        if example.like is not None and example.like not in named:
            yield Diagnostic(f"examples[{number}].like", f"no earlier example is called {example.like!r}")
        if example.name is not None:
            named.add(example.name)
        if example.proposal is not None and example.proposal.outcome not in document.outcomes:
            message = f"{example.proposal.outcome!r} is no outcome of this policy"
            yield Diagnostic(f"examples[{number}].proposal.outcome", message)

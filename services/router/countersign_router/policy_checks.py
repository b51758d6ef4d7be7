"""What a policy file must fulfil beyond its shape: known names, a complete and sensible matrix, no protected fields."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

from countersign_router.domain.policy import BANDS, HIGHEST_AUTOMATIC_LEVEL, TIERS
from countersign_router.policy_document import PolicyDocument
from countersign_shared.contracts.decision_types import DecisionType

RELATIONS = frozenset({"override", "modified", "agreed"})
"""What ``must_document`` may name besides outcomes: how the person's answer stands to the proposal."""


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One thing that is wrong: the path in the document, why, and where inside an expression (from 1; 0: unknown)."""

    path: str
    message: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        place = f" (line {self.line}, column {self.column})" if self.column else ""
        return f"{self.path}{place}: {self.message}" if self.path else self.message


def document_problems(document: PolicyDocument, decision_types: Mapping[str, DecisionType]) -> list[Diagnostic]:
    """Say everything that is wrong with a document that has the right shape."""
    decision_type = decision_types.get(document.decision_type)
    if decision_type is None:
        known = ", ".join(sorted(decision_types)) or "none"
        return [Diagnostic("decision_type", f"{document.decision_type!r} is not known; known: {known}")]
    return [
        *_outcome_problems(document, decision_type),
        *_input_problems(document, decision_type),
        *_matrix_problems(document),
        *_id_problems(document),
        *_reference_problems(document),
        *_example_problems(document),
    ]


def _outcome_problems(document: PolicyDocument, decision_type: DecisionType) -> Iterator[Diagnostic]:
    principal = any(reason.fields for reason in document.reasons.principal)
    for name, outcome in document.outcomes.items():
        known = decision_type.outcomes.get(name)
        if known is None:
            yield Diagnostic(f"outcomes.{name}", f"{document.decision_type} has no such outcome")
            continue
        if outcome.adverse is False and known.adverse:
            yield Diagnostic(f"outcomes.{name}.adverse", "the decision type says that this outcome is adverse")
        if outcome.automatic and (known.adverse or outcome.adverse) and not principal:
            message = "an adverse outcome can only be automatic when reasons.principal maps model fields to reasons"
            yield Diagnostic(f"outcomes.{name}.automatic", message)


def _input_problems(document: PolicyDocument, decision_type: DecisionType) -> Iterator[Diagnostic]:
    properties = decision_type.payload_schema.get("properties", {})
    units = {field.name: field.unit for field in decision_type.fields if field.unit is not None}
    for name, declared in document.inputs.items():
        first, _, _ = (declared.path or name).partition(".")
        if first == "$":
            continue
        if first in decision_type.protected_fields:
            yield Diagnostic(f"inputs.{name}", f"{first} is protected: no rule may read it")
        elif declared.currency is not None and units.get(first, declared.currency) != declared.currency:
            yield Diagnostic(f"inputs.{name}.currency", f"the decision type has {first} in {units[first]}")
        elif first not in properties:
            yield Diagnostic(f"inputs.{name}", f"{first!r} is no field of the payload of {document.decision_type}")


def _matrix_problems(document: PolicyDocument) -> Iterator[Diagnostic]:
    """A higher tier or a lower band must never get a lower level, unless the policy says why."""
    if document.allow_non_monotone is not None:
        return
    levels = {tier: getattr(document.matrix, tier).model_dump() for tier in TIERS}
    for lower, higher in pairwise(TIERS):
        for band in BANDS:
            if levels[higher][band] < levels[lower][band]:
                message = f"{levels[higher][band]} is lower than the {levels[lower][band]} of {lower}"
                yield Diagnostic(f"matrix.{higher}.{band}", f"{message}; see allow_non_monotone")
    for tier in TIERS:
        for better, worse in pairwise(BANDS):
            if levels[tier][worse] < levels[tier][better]:
                message = f"{levels[tier][worse]} is lower than the {levels[tier][better]} of {better} confidence"
                yield Diagnostic(f"matrix.{tier}.{worse}", f"{message}; see allow_non_monotone")


def _id_problems(document: PolicyDocument) -> Iterator[Diagnostic]:
    adjustments = [rule.id for rule in document.adjust]
    exceptions = [rule.id for rule in document.exceptions]
    for where, ids in (("adjust", adjustments), ("exceptions", exceptions)):
        for number, name in enumerate(ids):
            if ids.count(name) > 1:
                yield Diagnostic(f"{where}[{number}].id", f"{name!r} is used {ids.count(name)} times")
    if document.never_automate is not None and "never_automate" in exceptions:
        yield Diagnostic("exceptions", "the id never_automate belongs to the floor")


def _reference_problems(document: PolicyDocument) -> Iterator[Diagnostic]:
    for number, name in enumerate(document.must_document):
        if name not in RELATIONS and name not in document.outcomes:
            yield Diagnostic(
                f"must_document[{number}]", f"{name!r} is neither a relation nor an outcome of this policy"
            )
    for where in ("override", "principal"):
        codes = [reason.code for reason in getattr(document.reasons, where)]
        if len(set(codes)) < len(codes):
            yield Diagnostic(f"reasons.{where}", "a code appears twice")
    for tier in document.automation.tiers or ():
        row = getattr(document.matrix, tier)
        if row.high > HIGHEST_AUTOMATIC_LEVEL:
            yield Diagnostic("automation.tiers", f"the matrix automates nothing of {tier} consequence")


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

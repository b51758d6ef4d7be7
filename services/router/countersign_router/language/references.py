"""Names in a policy that must be known elsewhere: to its decision type, or to the template of a request."""

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from countersign_router.language.diagnostics import Diagnostic
from countersign_router.language.document import PolicyDocument
from countersign_shared.contracts.decision_types import DecisionType

RELATIONS = frozenset({"override", "modified", "agreed"})
"""What ``must_document`` may name besides outcomes: how the person's answer stands to the proposal."""
PLACES = frozenset({"tenant", "case_id", "decision_type", "subject_ref", "outcome", "outcome_params"})
"""What ``countersign_shared.contracts.execution`` fills in, besides the terms of an outcome."""
_PLACE = re.compile(r"\{([^{}\s\"']*)\}")


def reference_problems(document: PolicyDocument, decision_type: DecisionType) -> Iterator[Diagnostic]:
    """Say which names lead nowhere."""
    yield from _documented(document)
    yield from _reasons(document, decision_type)
    yield from _places(document, decision_type)


def unlisted(document: PolicyDocument, decision_type: DecisionType) -> list[Diagnostic]:
    """Say which queues and skills a decision type does not list; one that lists none takes every name.

    What is written now must keep to the list. A version that was published before the list was made routes on: its
    queues are where people look for its cases, and sending those elsewhere would help nobody.
    """
    skills = enumerate_paths("reviewers.skills", document.reviewers.skills)
    return [
        *_listed("skills", skills, decision_type.skills),
        *_listed("queues", _queues(document), decision_type.queues),
    ]


def similar(name: str, known: Iterable[str]) -> str | None:
    """Return the name that was probably meant, as a hint."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.7)
    return f"did you mean {close[0]}?" if close else None


def enumerate_paths(path: str, names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Pair each name of a list with its path."""
    yield from ((f"{path}[{number}]", name) for number, name in enumerate(names))


def _documented(document: PolicyDocument) -> Iterator[Diagnostic]:
    known = {*RELATIONS, *document.outcomes}
    for path, name in enumerate_paths("must_document", document.must_document):
        if name not in known:
            yield Diagnostic(
                path, f"{name!r} is neither a relation nor an outcome of this policy", hint=similar(name, known)
            )


def _reasons(document: PolicyDocument, decision_type: DecisionType) -> Iterator[Diagnostic]:
    properties: Mapping[str, Any] = decision_type.payload_schema.get("properties", {})
    for where in ("override", "principal"):
        reasons = getattr(document.reasons, where)
        codes = [reason.code for reason in reasons]
        if len(set(codes)) < len(codes):
            yield Diagnostic(f"reasons.{where}", "a code appears twice")
        for number, reason in enumerate(reasons):
            for path, name in enumerate_paths(f"reasons.{where}[{number}].fields", reason.fields):
                if name in decision_type.protected_fields:
                    yield Diagnostic(path, f"{name} is protected: no reason may rest on it")
                elif name not in properties:
                    message = f"{name!r} is no field of the payload of {document.decision_type}"
                    yield Diagnostic(path, message, hint=similar(name, properties))


def _queues(document: PolicyDocument) -> Iterator[tuple[str, str]]:
    yield "queues.default", document.queues.default
    yield from ((f"queues.by_level.{level}", name) for level, name in document.queues.by_level.items())
    if document.queues.audit is not None:
        yield "queues.audit", document.queues.audit
    for number, rule in enumerate(document.exceptions):
        if rule.queue is not None:
            yield f"exceptions[{number}].queue", rule.queue


def _listed(what: str, named: Iterable[tuple[str, str]], known: frozenset[str] | None) -> Iterator[Diagnostic]:
    """A decision type may list its queues and skills; where it does not, every name is taken."""
    if known is None:
        return
    for path, name in named:
        if name not in known:
            listed = ", ".join(sorted(known)) or "none"
            yield Diagnostic(
                path, f"{name!r} is not among the {what} of the decision type: {listed}", hint=similar(name, known)
            )


def _places(document: PolicyDocument, decision_type: DecisionType) -> Iterator[Diagnostic]:
    if document.execute is None:
        return
    terms = {
        f"outcome_params.{name}"
        for outcome in document.outcomes
        if outcome in decision_type.outcomes
        for name in (decision_type.outcomes[outcome].params_schema or {}).get("properties", {})
    }
    known = PLACES | terms
    for path, text in [("execute.url", document.execute.url), *_texts("execute.body", document.execute.body)]:
        for name in _PLACE.findall(text):
            if name not in known:
                yield Diagnostic(
                    path, f"nothing fills {{{name}}}", hint=similar(name, known) or f"there are {_said(known)}"
                )


def _said(names: Iterable[str]) -> str:
    return ", ".join(f"{{{name}}}" for name in sorted(names))


def _texts(path: str, part: Any) -> Iterator[tuple[str, str]]:
    """Every text of a request's body with its path."""
    if isinstance(part, str):
        yield path, part
    elif isinstance(part, Mapping):
        for name, value in part.items():
            yield from _texts(f"{path}.{name}", value)
    elif isinstance(part, list):
        for number, value in enumerate(part):
            yield from _texts(f"{path}[{number}]", value)

"""From a policy file to a policy that can route: read, check against the decision type, compile."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from pydantic import ValidationError

from countersign_router.domain.inputs import MAX_STRINGS, MAX_TEXT
from countersign_router.domain.policy import (
    FACTORS,
    SIGNALS,
    TIERS,
    Adjustment,
    Automation,
    ExceptionRule,
    Expression,
    Floor,
    Input,
    OutcomeRule,
    Policy,
    PrincipalReason,
    Queues,
    Sampling,
    SignalCap,
    Sla,
)
from countersign_router.domain.wording import Wording, wording
from countersign_router.language.automation import automation_sha256
from countersign_router.language.checks import document_problems, input_path
from countersign_router.language.diagnostics import Diagnostic
from countersign_router.language.document import BandShiftSection, InputSection, PolicyDocument
from countersign_router.language.expression_rules import Variable
from countersign_router.language.expressions import Compiled, Source, compile_expressions
from countersign_router.language.references import unlisted
from countersign_router.language.shape import shape_problem
from countersign_router.language.source import PolicySource, read_source
from countersign_shared.contracts.decision_types import DecisionType
from countersign_shared.contracts.money import decimal_places
from countersign_shared.errors import ConfigurationError

DURATION_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
SLA_CLASSES = {"urgent": "4h", "standard": "24h", "complex": "72h", "exception": "1w"}
MAX_DIAGNOSTICS = 100
"""More than anybody reads; a file of another kind would give thousands."""
_INITIALS = frozenset({"ai", "aml", "dti", "iban", "id", "kyc", "ltv", "sla", "vat"})
"""What a code writes small and people write large."""


class PolicyRefused(ConfigurationError):  # noqa: N818 - a refusal, not a fault
    """A policy cannot be used; ``diagnostics`` says everything that is wrong, the message the first of it."""

    code = "policy"

    def __init__(self, name: str, diagnostics: list[Diagnostic]) -> None:
        diagnostics = diagnostics[:MAX_DIAGNOSTICS]
        super().__init__(
            f"{name}: {diagnostics[0]}" + (f" (and {len(diagnostics) - 1} more)" if diagnostics[1:] else "")
        )
        self.diagnostics = diagnostics


@dataclass(frozen=True, slots=True)
class LoadedPolicy:
    """A policy ready to route, with the document and the bytes it was made of.

    ``doubts``: what would refuse it, had it not been published already. ``odd``: what its expressions probably do not
    mean, with positions within them.
    """

    policy: Policy
    document: PolicyDocument
    data: bytes
    doubts: tuple[Diagnostic, ...] = ()
    odd: tuple[Diagnostic, ...] = ()


def read_document(data: bytes, *, name: str) -> PolicyDocument:
    """Read the bytes of a policy file; ``PolicyRefused`` says what is wrong where."""
    return _document(_source(data, name), name)


def load_policy(
    data: bytes, *, name: str, decision_types: Mapping[str, DecisionType], published_at: datetime,
    published: bool = False,
) -> LoadedPolicy:  # fmt: skip
    """Read, check and compile a policy; ``PolicyRefused`` says everything that is wrong with it, and where.

    ``published``: it routes or has routed, so that queues and skills which its decision type has come to list without
    it, literals that no case can be held against, and numbers that YAML reads otherwise than people, are doubts and no
    refusal.
    """
    source = _source(data, name)
    document = _document(source, name)
    if source.misread and not published:
        raise PolicyRefused(name, list(source.misread))
    try:
        loaded = compile_policy(
            document, data, name=name, decision_types=decision_types, published_at=published_at, published=published
        )
    except PolicyRefused as refused:
        raise PolicyRefused(name, [source.located(one) for one in refused.diagnostics]) from None
    doubts = (*source.misread, *(source.located(one) for one in loaded.doubts))
    return replace(loaded, doubts=doubts) if doubts else loaded


def _source(data: bytes, name: str) -> PolicySource:
    source = read_source(data)
    if isinstance(source, Diagnostic):
        raise PolicyRefused(name, [source])
    return source


def _document(source: PolicySource, name: str) -> PolicyDocument:
    try:
        return PolicyDocument.model_validate(source.document)
    except ValidationError as error:
        found = [source.located(shape_problem(item)) for item in error.errors(include_url=False)[:MAX_DIAGNOSTICS]]
        raise PolicyRefused(name, found) from error


def compile_policy(
    document: PolicyDocument, data: bytes, *,
    name: str, decision_types: Mapping[str, DecisionType], published_at: datetime, published: bool = False,
) -> LoadedPolicy:  # fmt: skip
    """Check and compile a document that was read from ``data``; positions in diagnostics are within an expression."""
    problems = document_problems(document, decision_types)
    doubts = (
        unlisted(document, decision_types[document.decision_type]) if document.decision_type in decision_types else []
    )
    compiled = compile_expressions(
        list(_sources(document)), _variables(document), _minor_digits(document), outcomes=len(document.outcomes)
    )
    if isinstance(compiled, list):
        problems += compiled
    else:
        doubts += compiled.unusable
    if not published:
        problems += doubts
    if problems or isinstance(compiled, list):
        raise PolicyRefused(name, problems)
    policy = _build(document, data, compiled, decision_types[document.decision_type], published_at)
    if problems := _by_outcome_problems(document, policy):
        raise PolicyRefused(name, problems)
    return LoadedPolicy(policy, document, data, tuple(doubts), compiled.odd)


def duration(text: str) -> timedelta:
    """Read a duration such as ``24h``."""
    return timedelta(**{DURATION_UNITS[text[-1]]: int(text[:-1])})


def _sources(document: PolicyDocument) -> Iterator[Source]:
    factors = document.consequence.factors
    for name in FACTORS:
        yield Source(f"consequence.factors.{name}", getattr(factors, name), "integer")
    for number, adjustment in enumerate(document.adjust):
        yield Source(f"adjust[{number}].when", adjustment.when, "boolean")
    for number, exception in enumerate(document.exceptions):
        yield Source(f"exceptions[{number}].when", exception.when, "boolean")
    if document.never_automate is not None:
        yield Source("never_automate", document.never_automate.when, "boolean")
    if document.sampling.audit.by is not None:
        yield Source("sampling.audit.by", document.sampling.audit.by, "number")
    if document.reviewers.four_eyes_when is not None:
        yield Source("reviewers.four_eyes_when", document.reviewers.four_eyes_when, "boolean")


def _variables(document: PolicyDocument) -> dict[str, Variable]:
    variables = {
        f"case.{name}": Variable(
            declared.type,
            optional=not declared.required,
            values=frozenset(declared.enum) if declared.enum and declared.type == "string" else None,
            max_length=_longest(declared),
            max_items=declared.max_items or MAX_STRINGS,
            currency=declared.currency,
        )
        for name, declared in document.inputs.items()
    }
    variables |= {f"signals.{name}": Variable("number") for name in SIGNALS}
    return variables | {
        "proposal.outcome": Variable("string", values=frozenset(document.outcomes)),
        "proposal.confidence": Variable("number"),
        "confidence": Variable("number"),
        "policy.age": Variable("duration"),
        "policy.version": Variable("integer"),
        "controls.peak": Variable("boolean"),
        "now": Variable("timestamp"),
    }


def _longest(declared: InputSection) -> int:
    if declared.enum:
        return max(map(len, declared.enum))
    return declared.max_length or MAX_TEXT


def _minor_digits(document: PolicyDocument) -> dict[str, int]:
    currencies = {declared.currency for declared in document.inputs.values() if declared.currency}
    return {currency: decimal_places(currency) for currency in currencies}


def _by_outcome_problems(document: PolicyDocument, policy: Policy) -> list[Diagnostic]:
    if document.consequence.by_outcome:
        return []
    message = "reads proposal.outcome: say `by_outcome: true` when outcomes weigh differently"
    return [Diagnostic(one.path, message) for one in policy.factors if "proposal.outcome" in one.reads]


def _build(
    document: PolicyDocument, data: bytes, compiled: Compiled, decision_type: DecisionType, published_at: datetime
) -> Policy:
    at = {expression.path: expression for expression in compiled.expressions}
    outcomes = {}
    for name, outcome in document.outcomes.items():
        known = decision_type.outcomes[name]
        adverse = known.adverse or bool(outcome.adverse)
        automatic = not adverse if outcome.automatic is None else outcome.automatic
        outcomes[name] = OutcomeRule(adverse, automatic, known.label)
    bands, queues, reviewers = document.bands, document.queues, document.reviewers
    withhold = document.withhold
    tiers = document.automation.tiers
    labels = {one.name: one.label for one in decision_type.fields}
    inputs = tuple(_input(name, section, decision_type, labels) for name, section in document.inputs.items())
    say = _sayer(inputs)
    return Policy(
        tenant=document.tenant, decision_type=document.decision_type, version=document.version,
        sha256=hashlib.sha256(data).hexdigest(), published_at=published_at,
        automation_sha256=automation_sha256(document, decision_type.adverse_outcomes),
        inputs=inputs, outcomes=outcomes, evaluate=compiled.evaluate, reevaluate=compiled.reevaluate,
        outcome_slots=tuple(one.slot for one in compiled.expressions if "proposal.outcome" in one.reads),
        factors=tuple(at[f"consequence.factors.{name}"] for name in FACTORS),
        factors_read=tuple(sorted({name for factor in FACTORS for name in at[f"consequence.factors.{factor}"].reads})),
        high=bands.high, medium=bands.medium,
        matrix={tier: getattr(document.matrix, tier).model_dump() for tier in TIERS},
        signal_caps=_caps(document), adjustments=_adjustments(document, at, say),
        exceptions=_exceptions(document, at, say), never_automate=_floor(document, at, say),
        automation=Automation(document.automation.certificate == "required",
                              frozenset(TIERS if tiers is None else tiers),
                              document.automation.alpha.model_dump(exclude_none=True), document.automation.delta),
        sampling=_sampling(document, at),
        queues=Queues(queues.default, dict(queues.by_level), queues.audit or queues.default),
        reviewers_required=reviewers.required, four_eyes_when=at.get("reviewers.four_eyes_when"),
        sla=Sla(duration(document.sla.due or SLA_CLASSES[document.sla.class_]), document.sla.at_risk),
        withhold={3: withhold.level3, 4: withhold.level4, 5: withhold.level5},
        principal_reasons=tuple(PrincipalReason(one.code, one.text or words(one.code), frozenset(one.fields))
                                for one in document.reasons.principal),
        expressions=compiled.expressions, labels=labels,
    )  # fmt: skip


def words(code: str) -> str:
    """Write a code as words: ``ai_wrong_fact`` becomes ``AI wrong fact``; a policy's own ``text`` says it better."""
    spoken = [word.upper() if word in _INITIALS else word for word in code.replace("_", " ").replace("-", " ").split()]
    return " ".join([spoken[0][:1].upper() + spoken[0][1:], *spoken[1:]]) if spoken else ""


def _input(name: str, section: InputSection, decision_type: DecisionType, labels: Mapping[str, str]) -> Input:
    from_body, path = input_path(name, section, decision_type)
    return Input(
        name=name, type=section.type, path=path, required=section.required, from_body=from_body,
        currency=section.currency,
        enum=frozenset(section.enum) if section.enum else None, max_length=section.max_length or MAX_TEXT,
        max_items=section.max_items or MAX_STRINGS,
        label="" if from_body or len(path) > 1 else labels.get(path[0], ""),
    )  # fmt: skip


def _sayer(inputs: Sequence[Input]) -> Callable[..., Wording]:
    """Return what puts the rules of a policy with these inputs into words."""
    return partial(
        wording, labels={one.variable: one.label for one in inputs},
        currencies={one.variable: one.currency for one in inputs if one.currency is not None},
    )  # fmt: skip


def _caps(document: PolicyDocument) -> tuple[SignalCap, ...]:
    caps = ((name, getattr(document.signal_caps, name)) for name in SIGNALS)
    return tuple(
        SignalCap(name, f"signals.{name}", cap.below, cap.band, cap.unknown == "cap", f"signal_caps.{name}")
        for name, cap in caps
        if cap is not None
    )


def _adjustments(
    document: PolicyDocument, at: Mapping[str, Expression], say: Callable[..., Wording]
) -> tuple[Adjustment, ...]:
    found = []
    for number, one in enumerate(document.adjust):
        when, shift = at[f"adjust[{number}].when"], one.bands or BandShiftSection()
        opening = f"Rule {one.id} moves the limits"
        if one.level_at_least is not None:
            opening = f"Rule {one.id} asks for level {one.level_at_least} at least"
        moved = shift.model_dump() if shift.high or shift.medium else None
        found.append(
            Adjustment(
                id=one.id, when=when, high=shift.high, medium=shift.medium, level_at_least=one.level_at_least,
                wording=say(one.text, opening=opening, reads=when.reads),
                only_tiers=frozenset(one.only_tiers) if one.only_tiers else None,
                named={"id": one.id, "bands": moved, "level_at_least": one.level_at_least},
            )
        )  # fmt: skip
    return tuple(found)


def _exceptions(
    document: PolicyDocument, at: Mapping[str, Expression], say: Callable[..., Wording]
) -> tuple[ExceptionRule, ...]:
    found = []
    for number, one in enumerate(document.exceptions):
        when = at[f"exceptions[{number}].when"]
        said = say(one.text, opening=f"Rule {one.id} applies", reads=when.reads)
        found.append(ExceptionRule(one.id, when, said, one.level, one.queue, one.reason))
    return tuple(found)


def _floor(document: PolicyDocument, at: Mapping[str, Expression], say: Callable[..., Wording]) -> Floor | None:
    if document.never_automate is None:
        return None
    when, opening = at["never_automate"], "Rule never_automate applies"
    return Floor(when, say(document.never_automate.text, opening=opening, reads=when.reads))


def _sampling(document: PolicyDocument, at: Mapping[str, Expression]) -> Sampling:
    sampling = document.sampling
    return Sampling(
        audit_by_level={1: sampling.audit.level1, 2: sampling.audit.level2}, audit_floor=sampling.audit.floor,
        audit_by=at.get("sampling.audit.by"), blind=sampling.blind, human_only=sampling.human_only,
        seed=sampling.seed,
    )  # fmt: skip

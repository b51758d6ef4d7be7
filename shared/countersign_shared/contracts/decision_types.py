"""Decision types: what their cases hold, how people see them, and which outcomes there are."""

import string
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import jsonschema_rs
from pydantic import ValidationError

from countersign_shared.contracts.decision_type_document import DecisionTypeDocument, FieldDocument, OutcomeDocument
from countersign_shared.contracts.documents import read_yaml
from countersign_shared.contracts.intake import MAX_DETAIL, FieldProblem
from countersign_shared.contracts.key_facts import Fact, Field, key_field
from countersign_shared.contracts.terms import Term, read_terms
from countersign_shared.contracts.topics import contracts_dir
from countersign_shared.contracts.wording import in_words
from countersign_shared.errors import ConfigurationError

MAX_INVALID_FIELDS = 50
"""Problems named per payload: more help nobody, and a hostile payload could have thousands."""

MAX_TITLE = 200
"""Longest title in characters: one line of the queue."""


class DecisionTypeError(ConfigurationError):
    """A decision-type file cannot be used; the message names file, path and reason."""

    code = "decision_type"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One outcome: its words, its meaning for the affected person, and the schema of its terms."""

    name: str
    label: str
    colour: str
    adverse: bool
    rejects: bool
    key: str | None
    params_schema: Mapping[str, Any] | None
    _params_validator: jsonschema_rs.Draft202012Validator

    def check_params(self, params: Mapping[str, Any]) -> list[FieldProblem]:
        """What is wrong with the terms of a decision; an outcome without a schema takes none."""
        return _problems(self._params_validator, dict(params))

    def as_dict(self) -> dict[str, Any]:
        """The form events and pages carry (`handling.allowed_outcomes`)."""
        return {
            "outcome": self.name,
            "label": self.label,
            "adverse": self.adverse,
            "rejects": self.rejects,
            "key": self.key,
            "colour": self.colour,
            "params_schema": self.params_schema,
        }


@dataclass(frozen=True, slots=True)
class DecisionType:
    """One kind of decision. Pure: it reads payloads, it decides nothing."""

    name: str
    label: str
    owner: str
    default_queue: str
    queues: frozenset[str] | None
    skills: frozenset[str] | None
    payload_schema: Mapping[str, Any]
    required: tuple[str, ...]
    fields: tuple[Field, ...]
    protected_fields: frozenset[str]
    sensitive_fields: frozenset[str]
    outcomes: Mapping[str, Outcome]
    _title: tuple[tuple[str, Field | None], ...]
    _payload_validator: jsonschema_rs.Draft202012Validator

    @property
    def adverse_outcomes(self) -> frozenset[str]:
        """The names of the outcomes that are to the affected person's disadvantage."""
        return frozenset(name for name, outcome in self.outcomes.items() if outcome.adverse)

    def check_payload(self, payload: Mapping[str, Any]) -> list[FieldProblem]:
        """What is wrong with a payload, absent required fields included; the texts quote no value of the payload."""
        return _problems(self._payload_validator, payload)

    def missing_fields(self, payload: Mapping[str, Any]) -> list[str]:
        """Required fields that the payload lacks, or has as null."""
        return [name for name in self.required if payload.get(name) is None]

    def without_protected(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """The payload that a model, a prompt or a decider may see."""
        return {name: value for name, value in payload.items() if name not in self.protected_fields}

    def key_facts(self, payload: Mapping[str, Any]) -> list[Fact]:
        """The payload's fields as people see them, in order; protected ones and ones nobody declared are left out."""
        return [field.fact(payload.get(field.name)) for field in self.fields]

    def terms(self, outcome: str | None, params: Mapping[str, Any]) -> list[Term]:
        """The terms of a decision as people read them; an outcome nobody declared has its terms' plain names."""
        chosen = None if outcome is None else self.outcomes.get(outcome)
        return read_terms(params, None if chosen is None else chosen.params_schema, self.fields)

    def title(self, payload: Mapping[str, Any]) -> str | None:
        """One neutral line for the queue, free of control characters; None where a field that it names has no value."""
        named = (payload.get(field.name) for _, field in self._title if field is not None)
        # No template reads well with a hole in it, in any language.
        if any(value is None or (isinstance(value, str) and not value.strip()) for value in named):
            return None
        parts = (text if field is None else field.formatted(payload.get(field.name)) for text, field in self._title)
        line = " ".join("".join(parts).split())
        printable = line if line.isprintable() else "".join(letter for letter in line if letter.isprintable())
        return printable if len(printable) <= MAX_TITLE else printable[: MAX_TITLE - 1] + "…"


def load_decision_types(directory: Path | None = None) -> Mapping[str, DecisionType]:
    """Read every `*.yaml` of a directory (default: the committed examples) into decision types by name."""
    place = contracts_dir() / "decision_types" if directory is None else directory
    paths = sorted(place.glob("*.yaml"))
    if not paths:
        raise DecisionTypeError(f"{place}: no decision types (*.yaml) here; set DECISION_TYPES_DIR to their directory")
    found: dict[str, DecisionType] = {}
    for path in paths:
        decision_type = build_decision_type(read_yaml(path), name=str(path))
        if decision_type.name in found:
            raise DecisionTypeError(f"{path}: decision_type: {decision_type.name!r} is defined in another file already")
        found[decision_type.name] = decision_type
    return MappingProxyType(found)


def build_decision_type(document: Any, *, name: str) -> DecisionType:
    """Make a decision type of a document; `DecisionTypeError` names it (`name`), the path in it and the reason."""
    try:
        read = DecisionTypeDocument.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        path = ".".join(str(step) for step in first["loc"]) or "document"
        raise DecisionTypeError(f"{name}: {path}: {in_words(first)}") from error
    fields = tuple(_field(field, read) for field in read.fields)
    return DecisionType(
        name=read.decision_type,
        label=read.label,
        owner=read.owner,
        default_queue=read.default_queue,
        queues=None if read.queues is None else frozenset(read.queues),
        skills=None if read.skills is None else frozenset(read.skills),
        payload_schema=MappingProxyType(read.payload),
        required=tuple(read.payload.get("required", ())),
        fields=fields,
        protected_fields=frozenset(read.protected),
        sensitive_fields=frozenset(read.sensitive),
        outcomes=MappingProxyType({key: _outcome(key, outcome, name=name) for key, outcome in read.outcomes.items()}),
        _title=tuple(_title_parts(read.title, fields, name=name)),
        _payload_validator=_compile(read.payload, where=f"{name}: payload"),
    )


def _field(field: FieldDocument, read: DecisionTypeDocument) -> Field:
    return key_field(
        field.name, field.label, field.format, unit=field.unit, sensitive=field.name in read.sensitive,
        choices=field.choices,
    )  # fmt: skip


def _outcome(key: str, outcome: OutcomeDocument, *, name: str) -> Outcome:
    schema = outcome.params_schema
    nothing = {"type": "object", "maxProperties": 0}
    return Outcome(
        name=key,
        label=outcome.label,
        colour=outcome.colour,
        adverse=outcome.adverse,
        rejects=outcome.rejects,
        key=outcome.key,
        params_schema=schema,
        _params_validator=_compile(schema or nothing, where=f"{name}: outcomes.{key}.params_schema"),
    )


def _title_parts(template: str, fields: tuple[Field, ...], *, name: str) -> Iterator[tuple[str, Field | None]]:
    by_name = {field.name: field for field in fields}
    try:
        parsed = list(string.Formatter().parse(template))
    except ValueError as error:
        raise DecisionTypeError(f"{name}: title: {error}") from error
    for text, field_name, _, _ in parsed:
        if text:
            yield text, None
        if field_name is not None:
            if field_name not in by_name:
                raise DecisionTypeError(f"{name}: title: {field_name!r} is not among the fields that are shown")
            yield "", by_name[field_name]


def _compile(schema: Mapping[str, Any], *, where: str) -> jsonschema_rs.Draft202012Validator:
    try:
        return jsonschema_rs.Draft202012Validator(
            dict(schema),
            # Nothing is fetched, no pattern can run away, and no message quotes what a person may not see.
            offline=True,
            pattern_options=jsonschema_rs.RegexOptions(),
            mask="the value",
            validate_formats=True,
        )
    except jsonschema_rs.ValidationError as error:
        place = _pointer([str(step) for step in error.instance_path])
        raise DecisionTypeError(f"{where}{place}: not a JSON Schema: {error.message}") from error
    except (jsonschema_rs.ReferencingError, ValueError, TypeError) as error:
        raise DecisionTypeError(f"{where}: not a JSON Schema: {error}") from error


def _problems(validator: jsonschema_rs.Draft202012Validator, value: Mapping[str, Any]) -> list[FieldProblem]:
    if validator.is_valid(value):
        return []
    problems = []
    for error in validator.iter_errors(value):
        problems.append(_problem(error))
        if len(problems) == MAX_INVALID_FIELDS:
            break
    return sorted(set(problems))


def _problem(error: jsonschema_rs.ValidationError) -> FieldProblem:
    steps = [str(step) for step in error.instance_path]
    if isinstance(error.kind, jsonschema_rs.ValidationErrorKind.Required):
        steps.append(str(error.kind.property))
        return FieldProblem(_pointer(steps), "is required")
    return FieldProblem(_pointer(steps), error.message[:MAX_DETAIL])


def _pointer(steps: list[str]) -> str:
    return "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in steps)

"""Terms of a decision (the parameters of its outcome) as people read them."""

from collections.abc import Iterable, Mapping
from typing import Any, TypedDict

from countersign_shared.contracts.field_formats import Format, formatter
from countersign_shared.contracts.key_facts import Field


class Term(TypedDict):
    """One term: the name it has in events, what people call it, and its value in words."""

    name: str
    label: str
    formatted: str


def read_terms(
    params: Mapping[str, Any], schema: Mapping[str, Any] | None = None, fields: Iterable[Field] = ()
) -> list[Term]:
    """Say terms in their own order.

    A term is called by its schema's ``title``, else like the payload's field of the same name, and written like that
    field; without one it is written by what it is.
    """
    known = {field.name: field for field in fields}
    properties = (schema or {}).get("properties", {})
    return [_term(name, value, properties.get(name), known.get(name)) for name, value in params.items()]


def _term(name: str, value: Any, schema: Any, field: Field | None) -> Term:
    title = schema.get("title") if isinstance(schema, Mapping) else None
    if not isinstance(title, str):
        title = field.label if field else name[:1].upper() + name[1:].replace("_", " ")
    formatted = field.formatted if field else formatter(kind_of(value), unit=None, choices={})
    return Term(name=name, label=title, formatted=formatted(value))


def kind_of(value: Any) -> Format:
    """Tell how a value is written that no field describes."""
    if isinstance(value, Mapping) and value.keys() == {"value", "currency"}:
        return "money"
    if isinstance(value, bool):
        return "boolean"
    return "number" if isinstance(value, int | float) else "text"

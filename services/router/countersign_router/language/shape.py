"""What pydantic says of a document of another shape, in the words and paths of policy files."""

import difflib
from collections.abc import Mapping
from datetime import date
from typing import Any

from pydantic import BaseModel

from countersign_router.language.diagnostics import Diagnostic
from countersign_router.language.document import PolicyDocument

_WORDS = {
    "missing": "is missing",
    "extra_forbidden": "there is no such key",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a finite number",
    "string_type": "must be a text",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "dict_type": "must be a section of keys and values",
    "model_type": "must be a section of keys and values",
    "model_attributes_type": "must be a section of keys and values",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "less_than_equal": "must be at most {le:g}",
    "less_than": "must be below {lt:g}",
    "greater_than_equal": "must be at least {ge:g}",
    "greater_than": "must be above {gt:g}",
    "literal_error": "must be {expected}",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "may have at most {max_length} characters",
    "too_short": "must hold at least {min_length}",
    "too_long": "may hold at most {max_length}",
}
"""By pydantic's name of the error; {x} is what it says beside it."""


def shape_problem(item: Mapping[str, Any]) -> Diagnostic:
    """Turn one error of pydantic into a diagnostic; its place is found by its path."""
    path = ""
    for step in item["loc"]:
        path += f"[{step}]" if isinstance(step, int) else f".{step}" if path else str(step)
    message = _message(item)
    hint = _how_to_write(item["type"], item.get("input"))
    if item["type"] == "extra_forbidden":
        hint = _similar(str(item["loc"][-1]), _known(item["loc"][:-1]))
    return Diagnostic(path, message, hint=hint)


def _how_to_write(kind: str, given: object) -> str | None:
    """Say how a value is written that YAML has read as one of another type."""
    if kind == "string_type":
        if isinstance(given, bool):
            return "put it in quotes: YAML reads on and off, yes and no as true and false"
        return "put it in quotes" if isinstance(given, int | float | date) else None
    if kind == "int_type":
        return "write it without quotes" if isinstance(given, str) and given.isdigit() else None
    if kind == "float_type" and isinstance(given, str):
        return "write it with a point and without quotes or units, such as 0.1"
    return None


def _message(item: Mapping[str, Any]) -> str:
    known = _WORDS.get(item["type"])
    if known is None:
        return str(item["msg"]).removeprefix("Value error, ")
    return known.format(**item.get("ctx", {}))


def _similar(name: str, known: list[str]) -> str | None:
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.7)
    return f"did you mean {close[0]}?" if close else None


def _known(loc: tuple[int | str, ...]) -> list[str]:
    """Names of what a part of the document may hold, found by walking the models; nothing where no model is."""
    model: Any = PolicyDocument
    for step in loc:
        field = model.model_fields.get(step) if _is_model(model) else None
        if field is None:
            continue
        model = next(iter(_models(field.annotation)), None)
    return [field.alias or name for name, field in model.model_fields.items()] if _is_model(model) else []


def _is_model(candidate: Any) -> bool:
    return isinstance(candidate, type) and issubclass(candidate, BaseModel)


def _models(annotation: Any) -> list[type[BaseModel]]:
    """The models within an annotation such as ``list[Section] | None``."""
    if _is_model(annotation):
        return [annotation]
    return [model for part in getattr(annotation, "__args__", ()) for model in _models(part)]

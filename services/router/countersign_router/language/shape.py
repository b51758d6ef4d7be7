"""What pydantic says of a document of another shape, in the words and paths of policy files."""

import difflib
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from countersign_router.language.diagnostics import Diagnostic
from countersign_router.language.document import PolicyDocument

_LITERALS = {"literal_error": "expected"}


def shape_problem(item: Mapping[str, Any]) -> Diagnostic:
    """Turn one error of pydantic into a diagnostic; its place is found by its path."""
    path = ""
    for step in item["loc"]:
        path += f"[{step}]" if isinstance(step, int) else f".{step}" if path else str(step)
    message = str(item["msg"]).removeprefix("Value error, ")
    hint = None
    if item["type"] == "extra_forbidden":
        hint = _similar(str(item["loc"][-1]), _known(item["loc"][:-1]))
    return Diagnostic(path, message, hint=hint)


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

"""The request that carries a decision out, filled in from the policy's template.

Router fills it for decisions a machine makes and review for those people make; both must come to the same bytes.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import quote

_PLACE = re.compile(r"\{([a-z_]+(?:\.[A-Za-z0-9_]+)?)\}")


def execution(
    template: Mapping[str, Any] | None, *, case: Mapping[str, Any], outcome: str, outcome_params: Mapping[str, Any],
    idempotency_key: str,
) -> dict[str, Any] | None:  # fmt: skip
    """Fill the template for one outcome of a case (its case.created body).

    None when nothing is carried out, as for every rehearsal case. Places are `{tenant}`, `{case_id}`,
    `{decision_type}`, `{subject_ref}`, `{outcome}`, `{outcome_params}` and `{outcome_params.NAME}`. A place that the
    decision has no value for stays as it is written: a half-filled request fails loudly where it arrives, an empty one
    might not.
    """
    if template is None or case.get("test", False):
        return None
    named: dict[str, Any] = {
        "tenant": case.get("tenant", "default"), "case_id": case["case_id"], "decision_type": case["decision_type"],
        "subject_ref": case.get("subject_ref"), "outcome": outcome, "outcome_params": dict(outcome_params),
        **{f"outcome_params.{name}": value for name, value in outcome_params.items()},
    }  # fmt: skip
    values = {name: value for name, value in named.items() if value is not None}
    return {
        "method": template["method"],
        "url": _url(template["url"], values),
        "body": _filled(template.get("body"), values),
        "idempotency_key": idempotency_key,
    }


@lru_cache(maxsize=1024)
def _pieces(text: str) -> tuple[str, ...]:
    """Take a template's text apart once: literal text at even positions, names of places at odd ones."""
    return tuple(_PLACE.split(text))


def _url(text: str, values: Mapping[str, Any]) -> str:
    pieces = _pieces(text)
    return "".join([_url_part(piece, values) if at % 2 else piece for at, piece in enumerate(pieces)])


def _url_part(place: str, values: Mapping[str, Any]) -> str:
    value = values.get(place)
    return quote(str(value), safe="") if isinstance(value, str | int | float) else f"{{{place}}}"


def _filled(part: Any, values: Mapping[str, Any]) -> Any:
    if isinstance(part, dict):
        return {name: _filled(value, values) for name, value in part.items()}
    if isinstance(part, list):
        return [_filled(value, values) for value in part]
    if not isinstance(part, str):
        return part
    pieces = _pieces(part)
    if pieces[::2] == ("", "") and pieces[1] in values:
        return values[pieces[1]]
    return "".join([str(values.get(piece, f"{{{piece}}}")) if at % 2 else piece for at, piece in enumerate(pieces)])

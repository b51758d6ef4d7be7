"""What is wrong with a value, in the words of who sent it: what is taken instead, and what came.

Values themselves are never repeated: a message may be shown to somebody who may not see them.
"""

import re
from collections.abc import Mapping
from typing import Any

from countersign_shared.contracts.events import fields

_FORMS = {
    fields.CASE_ID_PATTERN: "1 to 128 characters: A-Z, a-z, 0-9 and . _ : -",
    fields.TENANT_PATTERN: "1 to 64 characters: A-Z, a-z, 0-9 and . _ -",
    fields.RFC3339: "a time with its zone, such as 2026-01-02T03:04:05Z",
    fields.DECIMAL_PATTERN: 'a decimal number written as text, such as "125000.00": up to 15 digits, then up to 4',
    fields.CURRENCY_PATTERN: "the three capital letters of ISO 4217, such as USD",
    fields.NO_CONTROL_CHARACTERS: "one line, without control characters",
    fields.SHA256_PATTERN: "a SHA-256 of 64 digits 0-9 and a-f",
    # Of one service's API each.
    r"^[a-z0-9][a-z0-9._@-]{0,62}$": "1 to 63 characters: a-z, 0-9 and . _ @ -, the first a letter or digit",
    r"^(\*|[A-Za-z0-9._-]{1,64})$": "1 to 64 characters: A-Z, a-z, 0-9 and . _ -, or * for all",
}
_WORDS = {
    "missing": "is required",
    "union_tag_not_found": "is required",
    "union_tag_invalid": "must be one of {expected_tags}",
    "literal_error": "must be {expected}",
    "extra_forbidden": "is no field here",
}
_KINDS = {
    "string_type": "text", "dict_type": "a JSON object", "model_type": "a JSON object",
    "model_attributes_type": "a JSON object", "list_type": "an array", "tuple_type": "an array",
    "bool_type": "true or false", "int_type": "a whole number", "float_type": "a number",
}  # fmt: skip
_SUBJECT = re.compile(r"^(Input|String|List|Tuple|Dictionary|Value|Data) should ")


def in_words(item: Mapping[str, Any]) -> str:
    """Return what one of pydantic's `errors()` means; with its `ctx` and `input`, if it has them, more exactly."""
    kind, context = item["type"], item.get("ctx", {})
    if kind in _KINDS:
        came = f", not {json_type(item['input'])}" if "input" in item else ""
        return f"must be {_KINDS[kind]}{came}"
    if kind == "string_pattern_mismatch" and context.get("pattern") in _FORMS:
        return f"must be {_FORMS[context['pattern']]}"
    if kind in _WORDS and (context or "{" not in _WORDS[kind]):
        return _WORDS[kind].format(**context)
    return _SUBJECT.sub("must ", str(item["msg"]).removeprefix("Value error, "))


def json_type(value: object) -> str:
    """Name the JSON type of a value."""
    names: dict[type, str] = {
        dict: "an object", list: "an array", str: "text", bool: "true or false", int: "a number", float: "a number",
    }  # fmt: skip
    return names.get(type(value), "null")

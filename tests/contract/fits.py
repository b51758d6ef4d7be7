"""Does what a service publishes fit the contract? For the tests of every service, which build plain dicts."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import jsonschema_rs
from pydantic import TypeAdapter, ValidationError

from countersign_shared.contracts.events import EVENTS
from countersign_shared.contracts.topics import contracts_dir, load_topics


def misfits(topic: str, body: bytes | dict[str, Any]) -> list[str]:
    """What is wrong with an event's body, for its schema and for its model; empty when it fits both."""
    value = json.loads(body) if isinstance(body, bytes) else body
    schema, adapter = _readers(topic)
    found = [
        f"schema: {'/'.join(map(str, error.instance_path))}: {error.message}" for error in schema.iter_errors(value)
    ]
    try:
        adapter.validate_python(value)
    except ValidationError as error:
        found += [f"model: {'/'.join(map(str, part['loc']))}: {part['msg']}" for part in error.errors()]
    return found


@cache
def _readers(topic: str) -> tuple[jsonschema_rs.Draft202012Validator, TypeAdapter[Any]]:
    schema = json.loads((contracts_dir() / load_topics()[topic].schema).read_bytes())
    return jsonschema_rs.Draft202012Validator(schema, validate_formats=True), TypeAdapter(EVENTS[topic])

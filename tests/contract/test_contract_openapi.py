"""Each service's committed OpenAPI document is the one its code builds, and is whole."""

from __future__ import annotations

import json
from importlib import import_module
from typing import Any

import jsonschema
import pytest

from countersign_shared.contracts.topics import contracts_dir

SERVICES = ("inference", "router", "review", "audit", "feedback")
METHODS = {"get", "put", "post", "delete", "patch"}


def committed(service: str) -> dict[str, Any]:
    return json.loads((contracts_dir() / "openapi" / f"{service}.json").read_bytes())


def operations(document: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{method.upper()} {path}", operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if method in METHODS
    ]


@pytest.mark.parametrize("service", SERVICES)
def test_committed_document_is_what_the_code_builds(service: str) -> None:
    built = import_module(f"countersign_{service}.api").build_openapi()
    assert committed(service) == json.loads(json.dumps(built)), "run `make contracts`"


@pytest.mark.parametrize("service", SERVICES)
def test_document_is_openapi_3_1_and_every_reference_leads_somewhere(service: str) -> None:
    document = committed(service)
    assert document["openapi"].startswith("3.1")
    for reference in references(document):
        part: Any = document
        for step in reference.removeprefix("#/").split("/"):
            part = part[step.replace("~1", "/").replace("~0", "~")]


@pytest.mark.parametrize("service", SERVICES)
def test_every_schema_in_the_document_is_json_schema(service: str) -> None:
    for schema in committed(service).get("components", {}).get("schemas", {}).values():
        jsonschema.Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("service", SERVICES)
def test_every_operation_has_an_id_of_its_own_and_lives_where_it_should(service: str) -> None:
    named = operations(committed(service))
    ids = [operation["operationId"] for _, operation in named]
    assert len(set(ids)) == len(ids)
    outside = {"/livez", "/readyz", "/metrics", "/openapi.json", "/"}
    strays = [name for name, _ in named if not name.split(" ")[1].startswith((f"/api/{service}/v1/", "/api/{"))]
    assert [name for name in strays if name.split(" ")[1] not in outside] == []


def references(part: Any) -> list[str]:
    if isinstance(part, list):
        return [reference for item in part for reference in references(item)]
    if not isinstance(part, dict):
        return []
    own = [part["$ref"]] if isinstance(part.get("$ref"), str) else []
    return own + [reference for value in part.values() for reference in references(value)]

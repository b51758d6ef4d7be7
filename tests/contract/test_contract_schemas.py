"""The generated contracts: what is committed is what the models say, and tools can read it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from faststream.specification.asyncapi.v3_0_0.schema import ApplicationSchema

from countersign_shared.contracts.events import EVENTS
from countersign_shared.contracts.generate import differences, examples_manifest, generated_files, main
from countersign_shared.contracts.topics import UPSTREAM, contracts_dir, load_topics

SCHEMAS = sorted((contracts_dir() / "schemas").glob("*.json"))


def test_what_is_committed_is_what_the_models_say() -> None:
    assert differences(contracts_dir(), generated_files()) == []


def test_the_check_names_a_file_that_differs_or_is_missing(tmp_path: Path) -> None:
    (tmp_path / "same").write_text("1", encoding="utf-8")
    (tmp_path / "other").write_text("1", encoding="utf-8")
    found = differences(tmp_path, {"same": "1", "other": "2", "missing": "3"})
    assert [line.split(": ")[1] for line in found] == ["differs from what the models say", "is missing"]
    assert main(["--check"]) == 0


def test_the_manifest_gains_new_examples_and_never_forgets_one(tmp_path: Path) -> None:
    (tmp_path / "examples/t").mkdir(parents=True)
    (tmp_path / "examples/manifest.json").write_text('{"t/old.json": "00"}', encoding="utf-8")
    (tmp_path / "examples/t/new.json").write_text("{}", encoding="utf-8")
    assert list(examples_manifest(tmp_path)) == ["t/new.json", "t/old.json"]


@pytest.mark.parametrize("path", SCHEMAS, ids=lambda path: path.stem)
def test_schema_is_json_schema_2020_12_with_its_public_id(path: Path) -> None:
    schema = json.loads(path.read_bytes())
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == f"https://countersign.dev/schemas/{path.name}"
    assert schema["description"]


@pytest.mark.parametrize("path", SCHEMAS, ids=lambda path: path.stem)
def test_every_reference_inside_a_schema_leads_somewhere(path: Path) -> None:
    schema = json.loads(path.read_bytes())
    for reference in references(schema):
        assert reference.startswith("#/$defs/")
        assert reference.removeprefix("#/$defs/") in schema["$defs"]


def test_every_event_schema_lets_unknown_fields_pass() -> None:
    for name in EVENTS:
        schema = json.loads((contracts_dir() / load_topics()[name].schema).read_bytes())
        closed = [part for part in walk(schema) if isinstance(part, dict) and part.get("additionalProperties") is False]
        assert closed == [], name


def test_asyncapi_is_an_asyncapi_3_document() -> None:
    document = asyncapi()
    for server in document["servers"].values():
        server.setdefault("pathname", "")  # optional in the specification, but not for this reader
    read = ApplicationSchema.model_validate(document)
    assert read.asyncapi == "3.0.0"
    assert set(read.channels) == set(load_topics())


def test_every_reference_in_asyncapi_leads_somewhere() -> None:
    document = asyncapi()
    for reference in references(document):
        if reference.startswith("#/"):
            part: Any = document
            for step in reference.removeprefix("#/").split("/"):
                part = part[step]
        else:
            assert (contracts_dir() / reference).is_file(), reference


def test_asyncapi_says_who_sends_and_receives_as_the_topics_do() -> None:
    operations = asyncapi()["operations"]
    for topic in load_topics().values():
        for services, action in ((topic.producers, "send"), (topic.consumers, "receive")):
            named = {
                operation["tags"][0]["name"]
                for operation in operations.values()
                if operation["action"] == action and operation["channel"]["$ref"] == f"#/channels/{topic.name}"
            }
            assert named == set(services) - {UPSTREAM}


def asyncapi() -> dict[str, Any]:
    return yaml.safe_load((contracts_dir() / "asyncapi.yaml").read_text(encoding="utf-8"))


def walk(part: Any):
    yield part
    inner = part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
    for value in inner:
        yield from walk(value)


def references(document: Any) -> list[str]:
    return [part["$ref"] for part in walk(document) if isinstance(part, dict) and isinstance(part.get("$ref"), str)]

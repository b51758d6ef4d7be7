"""The committed examples: valid, decodable for ever, and open to fields that nobody knows yet."""

from __future__ import annotations

import copy
import hashlib
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import jsonschema_rs
import orjson
import pytest
from pydantic import TypeAdapter, ValidationError

from countersign_shared.contracts.events import EVENTS
from countersign_shared.contracts.generate import EXAMPLES_MANIFEST
from countersign_shared.contracts.topics import contracts_dir, load_topics

EXAMPLES = contracts_dir() / "examples"
ADAPTERS = {topic: TypeAdapter(model) for topic, model in EVENTS.items()}
PATHS = sorted(EXAMPLES.glob("*/*.json"))


def schema_of(topic: str) -> dict[str, Any]:
    return json.loads((contracts_dir() / load_topics()[topic].schema).read_text(encoding="utf-8"))


VALIDATORS = {topic: jsonschema_rs.Draft202012Validator(schema_of(topic), validate_formats=True) for topic in EVENTS}


def example_id(path: Path) -> str:
    return f"{path.parent.name}-{path.stem}"


def every_example(test):
    return pytest.mark.parametrize("path", PATHS, ids=example_id)(test)


def kinds(topic: str) -> set[str]:
    mapping = TypeAdapter(EVENTS[topic]).json_schema()["discriminator"]["mapping"]
    return set(mapping)


@every_example
def test_example_fits_schema_and_model(path: Path) -> None:
    topic, body = path.parent.name, json.loads(path.read_bytes())
    VALIDATORS[topic].validate(body)
    ADAPTERS[topic].validate_python(body)


@every_example
def test_example_fits_the_schema_for_the_reference_implementation_too(path: Path) -> None:
    validator = jsonschema.Draft202012Validator(
        schema_of(path.parent.name), format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    )
    validator.validate(json.loads(path.read_bytes()))


@every_example
def test_example_survives_a_round_trip_through_the_model(path: Path) -> None:
    adapter, body = ADAPTERS[path.parent.name], json.loads(path.read_bytes())
    event = adapter.validate_python(body)
    assert adapter.dump_python(event, mode="json", by_alias=True, exclude_unset=True) == body


@every_example
def test_fields_that_nobody_knows_yet_are_kept(path: Path) -> None:
    topic, body = path.parent.name, json.loads(path.read_bytes())
    if topic == "countersign.dead-letter":
        body["x-future"] = "kept"
    for part in objects_of_ours(body, EVENTS[topic]):
        part["field_of_the_future"] = {"kept": [1, None, "é"]}
    VALIDATORS[topic].validate(body)
    event = ADAPTERS[topic].validate_python(body)
    assert ADAPTERS[topic].dump_python(event, mode="json", by_alias=True, exclude_unset=True) == body


@every_example
def test_schema_and_model_refuse_the_same_gaps(path: Path) -> None:
    topic, body = path.parent.name, json.loads(path.read_bytes())
    for name in body:
        changed = {key: value for key, value in body.items() if key != name}
        assert VALIDATORS[topic].is_valid(changed) == model_accepts(topic, changed), f"without {name}"


@every_example
@pytest.mark.parametrize("wrong", [None, 0, -1, True, "", "\u0000", [], {}, 1.5, "9" * 600], ids=repr)
def test_schema_and_model_refuse_the_same_wrong_values(path: Path, wrong: Any) -> None:
    topic, body = path.parent.name, json.loads(path.read_bytes())
    for name in body:
        changed = {**copy.deepcopy(body), name: wrong}
        assert VALIDATORS[topic].is_valid(changed) == model_accepts(topic, changed), f"{name} = {wrong!r}"


@pytest.mark.parametrize("topic", EVENTS)
def test_every_topic_has_examples_of_both_decision_types_or_of_every_kind(topic: str) -> None:
    bodies = [json.loads(path.read_bytes()) for path in sorted((EXAMPLES / topic).glob("*.json"))]
    assert bodies
    if "discriminator" in TypeAdapter(EVENTS[topic]).json_schema():
        assert {body["kind"] for body in bodies} == kinds(topic)
    elif topic not in {"countersign.dead-letter", "checkpoint.signed"}:
        assert {"loan_application", "refund"} <= {body["decision_type"] for body in bodies}


def test_digests_in_examples_are_those_of_what_they_name() -> None:
    for path in [*EXAMPLES.glob("case.scored/*.json"), *EXAMPLES.glob("case.routed/*.json")]:
        body = json.loads(path.read_bytes())
        assert body["payload_sha256"] == hashlib.sha256(orjson.dumps(body["case"])).hexdigest(), path


def test_no_example_was_ever_deleted_or_edited() -> None:
    manifest = json.loads((contracts_dir() / EXAMPLES_MANIFEST).read_bytes())
    present = {path.relative_to(EXAMPLES).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in PATHS}
    assert present == manifest, "add a new example instead; `make contracts` lists it"


def test_every_example_ever_committed_stays_decodable() -> None:
    checked = 0
    for topic, text in examples_in_history():
        ADAPTERS[topic].validate_python(json.loads(text))
        checked += 1
    if not checked:
        pytest.skip("no git history here")


def model_accepts(topic: str, body: Any) -> bool:
    try:
        ADAPTERS[topic].validate_python(body)
    except ValidationError:
        return False
    return True


def objects_of_ours(body: dict[str, Any], model: Any) -> Iterator[dict[str, Any]]:
    """The body and those parts of it that are models of ours, not free-form objects."""
    event = TypeAdapter(model).validate_python(body)
    yield from _models(event, body)


def _models(value: Any, raw: Any) -> Iterator[dict[str, Any]]:
    if hasattr(value, "model_fields_set") and isinstance(raw, dict):
        yield raw
        for name in value.model_fields_set & set(type(value).model_fields):
            alias = type(value).model_fields[name].alias or name
            yield from _models(getattr(value, name), raw[alias])
    elif isinstance(value, list):
        for item, raw_item in zip(value, raw, strict=True):
            yield from _models(item, raw_item)


def examples_in_history() -> Iterator[tuple[str, bytes]]:
    root = contracts_dir().parent.parent
    listed = subprocess.run(
        ["git", "-C", str(root), "rev-list", "--objects", "HEAD", "--", "shared/contracts/examples"],
        capture_output=True,
        text=True,
        check=False,
    )
    lines = [line.split(" ", 1) for line in listed.stdout.splitlines() if listed.returncode == 0]
    blobs = {entry[0]: Path(entry[1]) for entry in lines if len(entry) == 2 and entry[1].endswith(".json")}
    examples = {name: path for name, path in blobs.items() if path.name != "manifest.json"}
    request = "\n".join(examples).encode()
    batch = subprocess.run(
        ["git", "-C", str(root), "cat-file", "--batch"], input=request, capture_output=True, check=False
    ).stdout
    at = 0
    for name, path in examples.items():
        heading, _, _ = batch[at:].partition(b"\n")
        size = int(heading.split()[2])
        start = at + len(heading) + 1
        assert heading.startswith(name.encode())
        yield path.parent.name, batch[start : start + size]
        at = start + size + 1

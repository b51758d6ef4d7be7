"""JSON Schemas made from the models: the form in which strangers get the contracts."""

from typing import Any

from pydantic import TypeAdapter

from countersign_shared.contracts.decision_type_document import DecisionTypeDocument
from countersign_shared.contracts.events import EVENTS
from countersign_shared.contracts.topics import SCHEMA_BASE_URL, load_topics

DIALECT = "https://json-schema.org/draft/2020-12/schema"
DECISION_TYPE_SCHEMA = "schemas/decision_type.v1.json"

Schema = dict[str, Any]


def event_schemas() -> dict[str, Schema]:
    """Per topic the schema of its body (of the headers, for dead letters), by path in the contracts directory."""
    return {
        topic.schema: _schema(EVENTS[name], identity=topic.dataschema, title=name, description=topic.says)
        for name, topic in load_topics().items()
    }


def document_schemas() -> dict[str, Schema]:
    """Schemas of the files people write, by path in the contracts directory; an editor can check against them."""
    schema = _schema(
        DecisionTypeDocument,
        identity=f"{SCHEMA_BASE_URL}/decision_type.v1.json",
        title="decision type",
        description="One decision type, as its YAML file says it.",
    )
    return {DECISION_TYPE_SCHEMA: schema}


def _schema(model: Any, *, identity: str, title: str, description: str) -> Schema:
    generated = TypeAdapter(model).json_schema(by_alias=True)
    body = {key: value for key, value in _plain(generated).items() if key not in {"title", "description"}}
    return {"$schema": DIALECT, "$id": identity, "title": title, "description": description, **body}


def _plain(part: Any, *, names: bool = False) -> Any:
    # `discriminator` belongs to OpenAPI, and titles made from field names say nothing twice. `names` is true where
    # the keys are names of properties or definitions, which may well be called `title`.
    if isinstance(part, list):
        return [_plain(item) for item in part]
    if not isinstance(part, dict):
        return part
    return {
        key: _plain(value, names=key in {"properties", "$defs"} and not names)
        for key, value in part.items()
        if names or key == "description" or key not in {"title", "discriminator"}
    }

"""The AsyncAPI 3.0 description of the topics, from `topics.yaml` and the schemas."""

from typing import Any

from countersign_shared.contracts.topics import UPSTREAM, Topic, load_topics

KAFKA_BINDING = "0.5.0"

Document = dict[str, Any]


def asyncapi_document() -> Document:
    """The whole description: a channel and a message per topic, an operation per service and topic."""
    topics = load_topics().values()
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Countersign",
            "version": "1.0.0",
            "description": (
                "The AI proposes, the right human countersigns, and everything is on the record."
                " Events are CloudEvents 1.0 in binary mode: attributes in `ce_` headers, the body plain JSON."
                " Unknown optional fields are kept; new optional fields and new kinds may appear at any time."
            ),
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {
            "kafka": {"host": "localhost:9092", "protocol": "kafka", "description": "Any Kafka-protocol broker."}
        },
        "channels": {topic.name: _channel(topic) for topic in topics},
        "operations": {name: operation for topic in topics for name, operation in _operations(topic)},
        "components": {
            "messages": {topic.name: _message(topic) for topic in topics},
            "schemas": {"cloudEventHeaders": _cloud_event_headers()},
        },
    }


def _channel(topic: Topic) -> Document:
    return {
        "address": topic.name,
        "title": topic.name,
        "description": topic.says,
        "servers": [{"$ref": "#/servers/kafka"}],
        "messages": {topic.name: {"$ref": f"#/components/messages/{topic.name}"}},
        "bindings": {
            "kafka": {
                "topic": topic.name,
                "partitions": topic.partitions,
                "topicConfiguration": {
                    "cleanup.policy": topic.settings["cleanup.policy"].split(","),
                    "retention.ms": int(topic.broker_settings["retention.ms"]),
                    "max.message.bytes": topic.max_message_bytes,
                },
                "bindingVersion": KAFKA_BINDING,
            }
        },
    }


def _message(topic: Topic) -> Document:
    key = {"type": "string", "description": topic.key}
    message = {
        "name": topic.event_type,
        "title": topic.name,
        "summary": topic.says,
        "contentType": "application/json",
        "bindings": {"kafka": {"key": key, "bindingVersion": KAFKA_BINDING}},
    }
    schema = {"$ref": f"./{topic.schema}"}
    original = {"description": "The bytes of the record that could not be read, whatever they are."}
    if topic.name == "countersign.dead-letter":
        return {**message, "contentType": "application/octet-stream", "headers": schema, "payload": original}
    return {**message, "headers": {"$ref": "#/components/schemas/cloudEventHeaders"}, "payload": schema}


def _operations(topic: Topic) -> list[tuple[str, Document]]:
    sends = [(service, "send") for service in topic.producers if service != UPSTREAM]
    receives = [(service, "receive") for service in topic.consumers if service != UPSTREAM]
    return [
        (
            f"{service}.{action}.{topic.name}",
            {
                "action": action,
                "channel": {"$ref": f"#/channels/{topic.name}"},
                "messages": [{"$ref": f"#/channels/{topic.name}/messages/{topic.name}"}],
                "tags": [{"name": service}],
            },
        )
        for service, action in sends + receives
    ]


def _cloud_event_headers() -> Document:
    attributes = {
        "ce_specversion": {"type": "string", "const": "1.0"},
        "ce_id": {"type": "string", "description": "The event's id: the same case and step have the same id for ever."},
        "ce_type": {"type": "string", "pattern": r"^dev\.countersign\..+\.v1$"},
        "ce_source": {"type": "string", "description": "Who produced it, for example `/countersign/router`."},
        "ce_subject": {"type": "string", "description": "The case id."},
        "ce_time": {"type": "string", "format": "date-time"},
        "ce_partitionkey": {"type": "string"},
        "ce_dataschema": {"type": "string", "format": "uri"},
        "content-type": {"type": "string"},
        "traceparent": {
            "type": "string",
            "description": "W3C Trace Context; the one header that may differ in a repeat.",
        },
    }
    return {
        "type": "object",
        "required": ["ce_specversion", "ce_id", "ce_type", "ce_source"],
        "properties": attributes,
    }

"""The topics, as frozen values read from `topics.yaml`."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from countersign_shared.errors import ConfigurationError

SCHEMA_BASE_URL = "https://countersign.dev/schemas"
UPSTREAM = "upstream"
"""Any system outside Countersign, among the producers and consumers of a topic."""


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic: what it says, who writes and reads it, and how the broker must hold it.

    `retention_ms` is None for ever. `copartitioned` topics must all have the same number of partitions.
    `settings` go to the broker as they are.
    """

    name: str
    says: str
    owner: str
    producers: tuple[str, ...]
    consumers: tuple[str, ...]
    key: str
    partitions: int
    copartitioned: bool
    retention_ms: int | None
    settings: Mapping[str, str]
    schema: str

    @property
    def event_type(self) -> str:
        """The CloudEvents `type` of a record on this topic."""
        return f"dev.countersign.{self.name}.v1"

    @property
    def dataschema(self) -> str:
        """The CloudEvents `dataschema` of a record on this topic: the `$id` of its committed schema."""
        return f"{SCHEMA_BASE_URL}/{self.name}.v1.json"

    @property
    def broker_settings(self) -> dict[str, str]:
        """Every setting to create the topic with, retention included (-1 = for ever)."""
        retention = -1 if self.retention_ms is None else self.retention_ms
        return {**self.settings, "retention.ms": str(retention)}

    @property
    def max_message_bytes(self) -> int:
        """The largest record the broker takes on this topic, in bytes."""
        return int(self.settings["max.message.bytes"])


def contracts_dir() -> Path:
    """Where the committed contracts are: inside an installed wheel, or beside the package in the source tree."""
    package = Path(__file__).resolve().parent.parent
    installed = package / "_contracts"
    return installed if installed.is_dir() else package.parent / "contracts"


@cache
def load_topics() -> Mapping[str, Topic]:
    """Read `topics.yaml` once and return its topics by name, in the order written."""
    path = contracts_dir() / "topics.yaml"
    document = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    return MappingProxyType({name: _topic(path, name, entry) for name, entry in document["topics"].items()})


def copartitioned_topics() -> tuple[str, ...]:
    """Names of the topics that must have equal partition counts."""
    return tuple(topic.name for topic in load_topics().values() if topic.copartitioned)


def _topic(path: Path, name: str, entry: dict[str, Any]) -> Topic:
    try:
        return Topic(
            name=name,
            says=entry["says"],
            owner=entry["owner"],
            producers=tuple(entry["producers"]),
            consumers=tuple(entry["consumers"]),
            key=entry["key"],
            partitions=entry["partitions"],
            copartitioned=entry["copartitioned"],
            retention_ms=entry["retention_ms"],
            settings=MappingProxyType(dict(entry["settings"])),
            schema=entry["schema"],
        )
    except KeyError as missing:
        raise ConfigurationError(f"{path}: topic {name!r} does not say {missing.args[0]!r}") from missing

"""YAML documents that people write: read so that a slip is refused instead of guessed at."""

from pathlib import Path
from typing import Any

import yaml

from countersign_shared.errors import ConfigurationError

MAX_DOCUMENT_BYTES = 1024 * 1024
"""Largest document. A policy or decision type is a few kilobytes; anything larger is the wrong file."""
MAX_DEPTH = 40
"""Deepest nesting, of policies too: a decision type has a dozen levels. The loader calls itself for each, outside the
interpreter's own limit, so what is deeper is refused before."""


class _Loader(yaml.CSafeLoader):
    """The safe loader, except that a key written twice is an error: the last one would win without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} appears twice", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep=deep)


def read_yaml(path: Path) -> Any:
    """Read one YAML document; a `ConfigurationError` names the file, the place and the reason."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror}") from error
    return parse_yaml(data, name=str(path))


def parse_yaml(data: bytes, *, name: str) -> Any:
    """Read one YAML document from bytes; `name` is what errors call it."""
    if len(data) > MAX_DOCUMENT_BYTES:
        raise ConfigurationError(f"{name}: {len(data)} bytes, at most {MAX_DOCUMENT_BYTES} are read")
    try:
        _check_depth(data)
        return yaml.load(data, Loader=_Loader)  # noqa: S506 - a subclass of the safe loader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}" if mark else "somewhere"
        raise ConfigurationError(f"{name}: {place}: {error.problem}") from error
    except (yaml.YAMLError, TypeError, ValueError, RecursionError) as error:
        raise ConfigurationError(f"{name}: not YAML: {error}") from error


def _check_depth(data: bytes) -> None:
    depth = 0
    for event in yaml.parse(data, Loader=yaml.CSafeLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            mark: Any = event.start_mark
            raise yaml.MarkedYAMLError(problem=f"nested deeper than {MAX_DEPTH}", problem_mark=mark)

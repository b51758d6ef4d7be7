"""The text of a policy file: read within limits, and able to say where each of its parts stands.

YAML that grows when it is read is bounded before anything is built of it: aliases count with all that they repeat.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import yaml

from countersign_router.language.diagnostics import Diagnostic
from countersign_router.language.scalars import source_offsets
from countersign_router.language.yaml_words import marked, misread_number, yaml_problem
from countersign_shared.contracts.documents import MAX_DEPTH

MAX_POLICY_BYTES = 1024 * 1024
"""A policy is a few kilobytes; five hundred rules with long expressions and a thousand examples fit."""
MAX_NODES = 50_000
"""Values in a document, aliases expanded: a thousand examples of forty values each fit."""
MAX_SHOWN = 30
"""Characters to underline at most: a hint where to look, not the whole value."""

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a part stands: its value, and the key in front of it if there is one. ``offset`` counts characters."""

    line: int
    column: int
    length: int
    offset: int
    end: int
    style: str | None
    text: str | None


@dataclass(frozen=True, slots=True)
class PolicySource:
    """A document as plain values, with the place of every part; ``misread`` are numbers that people read otherwise."""

    text: str
    document: Any
    places: Mapping[Path, Place]
    keys: Mapping[Path, Place]
    misread: tuple[Diagnostic, ...] = ()

    def located(self, found: Diagnostic) -> Diagnostic:
        """Give a diagnostic its place in the file.

        A line and column that it has already are within its expression and become those of the file. A part that is
        not there is shown at what should hold it.
        """
        path = steps(found.path)
        while path and path not in self.places:
            path = path[:-1]
        place = self.places.get(path)
        if place is None:
            return found
        if place.text is not None and path == steps(found.path):
            return self._inside(found, place)
        shown = self.keys.get(path, place)
        return replace(found, line=shown.line, column=shown.column, length=shown.length)

    def _inside(self, found: Diagnostic, place: Place) -> Diagnostic:
        if not found.line or place.text is None:
            return replace(found, line=place.line, column=place.column, length=place.length)
        lines = place.text.split("\n")
        index = sum(len(line) + 1 for line in lines[: found.line - 1]) + found.column - 1
        offsets = source_offsets(self.text[place.offset : place.end], place.style, place.text)
        offset = place.offset + offsets[min(max(index, 0), len(offsets) - 1)] if offsets else place.offset
        before = self.text[:offset]
        line_start = before.rfind("\n") + 1
        return replace(found, line=before.count("\n") + 1, column=offset - line_start + 1)


def steps(path: str) -> Path:
    """Split ``exceptions[0].when`` into its steps."""
    return tuple(re.findall(r"[^.\[\]]+", path))


def read_source(data: bytes) -> PolicySource | Diagnostic:
    """Read the bytes of a policy file, or say what keeps it from being read."""
    if len(data) > MAX_POLICY_BYTES:
        return Diagnostic("", f"{len(data):,} bytes; a policy may have {MAX_POLICY_BYTES:,}")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        return Diagnostic("", "no text: these bytes are not UTF-8", line, 1)
    try:
        if (problem := _oversize(text)) is not None:
            return problem
        return _read(text)
    except yaml.YAMLError as error:
        return yaml_problem(error, text)
    except (TypeError, ValueError, OverflowError) as error:
        return Diagnostic("", f"not YAML: {error}")


class _Count:
    """Nodes and depth so far, each alias counted with everything that its anchor holds."""

    def __init__(self) -> None:
        self.nodes = 0
        self.open: list[tuple[str | None, int]] = []
        self.sizes: dict[str, int] = {}

    def add(self, event: yaml.Event) -> str | None:
        """Count an event; return what is wrong with the document, if anything is."""
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in self.sizes:
                return f"the alias *{event.anchor} stands for nothing before it"
            self.nodes += self.sizes[event.anchor]
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before = self.open.pop()
            if anchor is not None:
                self.sizes[anchor] = self.nodes - before
        elif isinstance(event, yaml.NodeEvent):
            if isinstance(event, yaml.CollectionStartEvent):
                self.open.append((event.anchor, self.nodes))
            elif event.anchor is not None:
                self.sizes[event.anchor] = 1
            self.nodes += 1
        if len(self.open) > MAX_DEPTH:
            return f"nested deeper than {MAX_DEPTH}"
        if self.nodes > MAX_NODES:
            return f"more than {MAX_NODES:,} values, aliases counted as what they repeat"
        return None


def _oversize(text: str) -> Diagnostic | None:
    count = _Count()
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        if (problem := count.add(event)) is not None:
            return marked(problem, event.start_mark)
    return None


def _read(text: str) -> PolicySource | Diagnostic:
    loader = yaml.CSafeLoader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return Diagnostic("", "the file is empty")
        # Before anything is built: merging keys would hide which of two was written.
        for one in _walk(node):
            if isinstance(one, yaml.MappingNode) and (twice := _twice(one)) is not None:
                return marked(f"the key {twice.value!r} appears twice", twice.start_mark)
        places: dict[Path, Place] = {}
        keys: dict[Path, Place] = {}
        _collect(node, (), places, keys)
        misread = tuple(found for one in _walk(node) if (found := misread_number(one)) is not None)
        return PolicySource(text, loader.construct_document(node), places, keys, misread)
    finally:
        loader.dispose()


def _walk(node: yaml.Node) -> Iterator[yaml.Node]:
    """Every node once, however often it is repeated."""
    seen: set[int] = set()
    waiting = [node]
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        if isinstance(one, yaml.SequenceNode):
            waiting += one.value
        elif isinstance(one, yaml.MappingNode):
            waiting += [part for pair in one.value for part in pair]


def _twice(node: yaml.MappingNode) -> yaml.Node | None:
    seen: set[tuple[str, str]] = set()
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode):
            continue
        name = (key.tag, key.value)
        if name in seen:
            return key
        seen.add(name)
    return None


def _collect(node: yaml.Node, path: Path, places: dict[Path, Place], keys: dict[Path, Place]) -> None:
    places.setdefault(path, _place(node))
    if isinstance(node, yaml.SequenceNode):
        for number, one in enumerate(node.value):
            _collect(one, (*path, str(number)), places, keys)
    elif isinstance(node, yaml.MappingNode):
        for key, value in _pairs(node):
            below = (*path, str(key.value))
            keys.setdefault(below, _place(key))
            _collect(value, below, places, keys)


def _pairs(node: yaml.MappingNode) -> Sequence[tuple[yaml.Node, yaml.Node]]:
    return [pair for pair in node.value if isinstance(pair[0], yaml.ScalarNode)]


def _place(node: yaml.Node) -> Place:
    start, end, scalar = node.start_mark, node.end_mark, isinstance(node, yaml.ScalarNode)
    length = end.index - start.index if scalar and end.line == start.line else 1
    return Place(
        line=start.line + 1, column=start.column + 1, length=min(max(length, 1), MAX_SHOWN), offset=start.index,
        end=end.index, style=getattr(node, "style", None) if scalar else None, text=node.value if scalar else None,
    )  # fmt: skip

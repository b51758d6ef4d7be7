"""What an expression must fulfil beyond its types: guards, known values, known functions, patterns, and time."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from countersign_router.domain.inputs import MAX_STRINGS, MAX_TEXT
from countersign_router.domain.policy import InputType
from countersign_router.language.expression_cost import MAX_PATTERN_CHARACTERS, MAX_PAYLOAD_CHARACTERS, Size
from countersign_router.language.expression_tree import Node, literal_comparisons, unguarded, walk

OPERATORS = frozenset({
    "_+_", "_-_", "_*_", "_/_", "_%_", "-_", "!_", "_&&_", "_||_", "_?_:_", "_==_", "_!=_", "_<_", "_<=_", "_>_",
    "_>=_", "@in", "_[_]", "@not_strictly_false",
})  # fmt: skip
FUNCTIONS = frozenset({
    "size", "contains", "startsWith", "endsWith", "matches", "int", "double", "string", "bool", "timestamp", "duration",
    "getFullYear", "getMonth", "getDate", "getDayOfMonth", "getDayOfWeek", "getDayOfYear", "getHours", "getMinutes",
    "getSeconds", "getMilliseconds",
})  # fmt: skip
"""All there is. `dyn` and `type` would take the types away again that make a typo a refusal."""
MAX_LOOPS = 2
"""Loops within one another: three of them over lists reach the library's limit on turns with any real list."""


@dataclass(frozen=True, slots=True)
class Variable:
    """A name that expressions may read; an ``optional`` one only behind ``has()``. ``values`` lists a text's values.

    A text holds at most ``max_length`` characters, a list at most ``max_items`` of them; money is in ``currency``.
    """

    type: InputType | str
    optional: bool = False
    values: frozenset[str] | None = None
    max_length: int = MAX_TEXT
    max_items: int = MAX_STRINGS
    currency: str | None = None

    @property
    def size(self) -> Size:
        """How much a value may hold."""
        longest = max(map(len, self.values), default=0) if self.values is not None else self.max_length
        if self.type == "string":
            return Size(longest)
        if self.type == "strings":
            return Size(min(longest * self.max_items, MAX_PAYLOAD_CHARACTERS), self.max_items)
        return Size()


class Finding(NamedTuple):
    """Something wrong with an expression: where, what, and what would help."""

    node: Node
    message: str
    hint: str | None = None


IsPattern = Callable[[str], str | None]
"""Says why a regular expression is none, or None when it is one."""


def findings(tree: Node, variables: Mapping[str, Variable], is_pattern: IsPattern) -> Iterator[Finding]:
    """Say everything that is wrong with an expression whose types are right."""
    optional = frozenset(name for name, variable in variables.items() if variable.optional)
    said: set[str] = set()
    for node in unguarded(tree, optional):
        if node.name not in said:
            said.add(node.name)
            hint = f"write has({node.name}) && ..., or make the input required"
            yield Finding(node, f"{node.name} is optional: guard it with has({node.name})", hint)
    for name, literal in literal_comparisons(tree):
        values = variables[name].values if name in variables else None
        if values is not None and literal.text not in values:
            yield Finding(literal, f"{name} is never {literal.text!r}; it is one of {', '.join(sorted(values))}")
    for node in walk(tree):
        yield from _node_findings(node, is_pattern)
    if _loops(tree) > MAX_LOOPS:
        yield Finding(tree, f"loops more than {MAX_LOOPS} deep")


def _node_findings(node: Node, is_pattern: IsPattern) -> Iterator[Finding]:
    if node.kind == "struct" and node.name:
        yield Finding(node, f"{node.name} is not part of the language of policies")
    if node.kind == "list" and len({child.literal for child in node.children if child.literal}) > 1:
        yield Finding(
            node, "a list with values of different types", "what is looked for would be found in none of them"
        )
    if node.kind != "call" or node.name in OPERATORS:
        return
    if node.name not in FUNCTIONS:
        yield Finding(node, f"{node.name}() is not part of the language of policies")
    elif node.name == "matches":
        yield from _pattern_findings(node, is_pattern)
    elif node.name.startswith("get") and len(node.children) > 1 and node.children[1].text is None:
        yield Finding(
            node, f"the time zone of {node.name}() must be written out", "for example now.getHours('Europe/Rome')"
        )


def _pattern_findings(node: Node, is_pattern: IsPattern) -> Iterator[Finding]:
    pattern = node.children[1].text
    if pattern is None:
        yield Finding(node, "a pattern must be written out, so that its cost is known", "case.x.matches('...')")
    elif len(pattern) > MAX_PATTERN_CHARACTERS:
        yield Finding(node, f"a pattern of {len(pattern)} characters; at most {MAX_PATTERN_CHARACTERS}")
    elif not pattern.isprintable():
        hint = "a backslash is written r'\\b' or '\\\\b'"
        yield Finding(node.children[1], "a control character in a pattern", hint)
    elif (reason := is_pattern(pattern)) is not None:
        yield Finding(node.children[1], reason)


def _loops(node: Node) -> int:
    return (node.kind == "loop") + max(map(_loops, node.children), default=0)

"""Reading a checked CEL expression: what it reads, and whether it dares to read what may be absent.

The CEL library hands out its checked tree only in its serialised form, a protocol buffer
(https://github.com/google/cel-spec, proto/cel/expr). The few fields needed here are decoded by hand.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5
CONSTANT, VARIABLE, SELECT, CALL, LIST, STRUCT, LOOP = range(3, 10)
"""Numbers of the fields of ``cel.expr.Expr``, as ``ID`` is; ``INTEGER`` and ``STRING`` are of ``cel.expr.Constant``."""
INTEGER, STRING = 3, 6
INT64 = 1 << 63
ID = 2
MORE = 0x80
HAS = "has."
"""Prefix of the variable that says whether another is present: ``has.case.x`` for ``case.x``."""


@dataclass(frozen=True, slots=True)
class Node:
    """One node: ``name`` is the variable's or the function's name, ``text`` a string literal's value.

    ``offset`` is where it stands in its expression, in characters; -1 where the library does not say. A loop's
    children are what it runs over, the start value, the condition, the step and the result; its own variables are
    nodes of the kind ``local``.
    """

    kind: str
    name: str = ""
    text: str | None = None
    children: tuple["Node", ...] = ()
    offset: int = -1
    literal: str = ""
    """Of a constant: the name of its kind, ``text`` or the number of its field in ``cel.expr.Constant``."""
    number: int | None = None
    """Of a whole number: its value."""


def read_tree(serialized: bytes) -> Node:
    """Decode the serialised form of a checked expression (``Any`` around ``cel.expr.CheckedExpr``)."""
    checked = _first(serialized, 2)
    positions: dict[object, object] = {}
    for entry in _all(_first(checked, 5), 4):
        numbers = dict(_fields(entry))
        positions[numbers.get(1, 0)] = numbers.get(2, 0)
    return _node(_first(checked, 4), positions)


def variables_read(node: Node) -> frozenset[str]:
    """Names of all variables that an expression reads; reading ``has.x`` counts as reading ``x``."""
    return frozenset(name.removeprefix(HAS) for name in _names(node))


def names_used(node: Node) -> frozenset[str]:
    """Names of the variables that must be offered to an evaluation, ``has.`` ones as they are."""
    return frozenset(_names(node))


def unguarded(node: Node, optional: frozenset[str], present: frozenset[str] = frozenset()) -> Iterator[Node]:
    """Yield the optional variables that are read where nothing has made sure that they are there.

    ``&&`` and ``||`` guard in both directions, because CEL lets either side decide when the other one fails.
    """
    if node.kind == "variable" and node.name in optional - present:
        yield node
    elif node.kind == "call" and node.name in {"_&&_", "_||_"}:
        facts = _true_facts if node.name == "_&&_" else _false_facts
        left, right = node.children
        yield from unguarded(left, optional, present | facts(right))
        yield from unguarded(right, optional, present | facts(left))
    elif node.kind == "call" and node.name == "_?_:_":
        condition, then, otherwise = node.children
        yield from unguarded(condition, optional, present)
        yield from unguarded(then, optional, present | _true_facts(condition))
        yield from unguarded(otherwise, optional, present | _false_facts(condition))
    else:
        for child in node.children:
            yield from unguarded(child, optional, present)


def walk(node: Node) -> Iterator[Node]:
    """Yield a node and everything below it."""
    yield node
    for child in node.children:
        yield from walk(child)


def literal_comparisons(node: Node) -> Iterator[tuple[str, Node]]:
    """Yield (variable, string literal) for each comparison of a variable with a literal: ``==``, ``!=``, ``in``."""
    if node.kind == "call" and node.name in {"_==_", "_!=_", "@in"}:
        for one, other in (node.children, node.children[::-1]):
            if one.kind == "variable":
                yield from ((one.name, literal) for literal in _literals(other))
    for child in node.children:
        yield from literal_comparisons(child)


def _literals(node: Node) -> Iterator[Node]:
    if node.text is not None:
        yield node
    if node.kind == "list":
        for child in node.children:
            yield from _literals(child)


def _names(node: Node) -> Iterator[str]:
    if node.kind == "variable":
        yield node.name
    for child in node.children:
        yield from _names(child)


def _true_facts(node: Node) -> frozenset[str]:
    """Variables that are present whenever the expression is true."""
    if node.kind == "variable" and node.name.startswith(HAS):
        return frozenset({node.name.removeprefix(HAS)})
    if node.kind == "call" and node.name == "_&&_":
        return _true_facts(node.children[0]) | _true_facts(node.children[1])
    if node.kind == "call" and node.name == "!_":
        return _false_facts(node.children[0])
    return frozenset()


def _false_facts(node: Node) -> frozenset[str]:
    """Variables that are present whenever the expression is false."""
    if node.kind == "call" and node.name == "_||_":
        return _false_facts(node.children[0]) | _false_facts(node.children[1])
    if node.kind == "call" and node.name == "!_":
        return _true_facts(node.children[0])
    return frozenset()


def _node(data: bytes, positions: Mapping[object, object]) -> Node:
    number = next((value for field, value in _fields(data) if field == ID), 0)
    place = positions.get(number)
    return replace(_shape(data, positions), offset=place if isinstance(place, int) else -1)


def _shape(data: bytes, positions: Mapping[object, object]) -> Node:  # noqa: PLR0911 - one return per kind of node
    for number, value in _fields(data):
        if not isinstance(value, bytes):
            continue
        if number == CONSTANT:
            return _constant(value)
        if number == VARIABLE:
            return Node("variable", name=_first(value, 1).decode())
        if number == SELECT:
            return Node("select", name=_first(value, 2).decode(), children=_children(value, (1,), positions))
        if number == CALL:
            return Node("call", name=_first(value, 2).decode(), children=_children(value, (1, 3), positions))
        if number == LIST:
            return Node("list", children=_children(value, (1,), positions))
        if number == STRUCT:
            entries = [child for entry in _all(value, 2) for child in _children(entry, (3, 4), positions)]
            return Node("struct", name=_first(value, 1).decode(), children=tuple(entries))
        if number == LOOP:
            return _comprehension(value, positions)
    return Node("constant")


def _constant(value: bytes) -> Node:
    for tag, found in _fields(value):
        if tag == STRING and isinstance(found, bytes):
            return Node("constant", text=found.decode(), literal="text")
        if tag == INTEGER and isinstance(found, int):
            return Node("constant", literal=str(tag), number=found if found < INT64 else found - 2 * INT64)
        return Node("constant", literal=str(tag))
    return Node("constant")


def _comprehension(value: bytes, positions: Mapping[object, object]) -> Node:
    """Everything a loop evaluates; its own variables carry names that no policy variable has."""
    own = {name.decode() for number in (1, 8, 3) for name in _all(value, number)}
    children = _children(value, (2, 4, 5, 6, 7), positions)
    accumulator = _first(value, 3).decode()
    return Node("loop", name=accumulator, children=tuple(_without(child, own) for child in children))


def _without(node: Node, own: set[str]) -> Node:
    if node.kind == "variable" and node.name in own:
        return replace(node, kind="local")
    return replace(node, children=tuple(_without(child, own) for child in node.children))


def _children(value: bytes, numbers: tuple[int, ...], positions: Mapping[object, object]) -> tuple[Node, ...]:
    return tuple(_node(child, positions) for number in numbers for child in _all(value, number))


def _first(data: bytes, number: int) -> bytes:
    return next(_all(data, number), b"")


def _all(data: bytes, number: int) -> Iterator[bytes]:
    for found, value in _fields(data):
        if found == number and isinstance(value, bytes):
            yield value


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    position = 0
    while position < len(data):
        tag, position = _varint(data, position)
        number, wire = tag >> 3, tag & 7
        if wire == VARINT:
            value, position = _varint(data, position)
            yield number, value
            continue
        if wire == LENGTH:
            size, position = _varint(data, position)
        else:
            size = {FIXED64: 8, FIXED32: 4}[wire]
        yield number, data[position : position + size]
        position += size


def _varint(data: bytes, position: int) -> tuple[int, int]:
    result = shift = 0
    while True:
        byte = data[position]
        position += 1
        result |= (byte & 0x7F) << shift
        shift += 7
        if byte < MORE:
            return result, position

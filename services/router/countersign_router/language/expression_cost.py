"""How long an expression may take at worst, from its tree and from how much its inputs can hold.

The CEL library can be neither interrupted nor given a deadline: it bounds nesting (32) and turns of loops (10,000 in
one evaluation), not time. So time is bounded when a policy is saved. The figures are nanoseconds, measured on a slow
core and rounded up; the estimate is from above, because every text is taken to be as long as its input allows.
"""

from collections.abc import Mapping
from typing import NamedTuple

from countersign_router.language.expression_tree import Node, walk
from countersign_router.language.pattern_size import pattern_size

MAX_PAYLOAD_CHARACTERS = 192 * 1024
"""Of a whole case, so of all texts of a list together (case.created holds at most 192 KiB)."""
MAX_TURNS = 10_000
"""Turns that all loops of one expression may take together; the library refuses to go on beyond."""
MAX_PATTERN_CHARACTERS = 1_000

NODE = 100
CHARACTER = 1
LIST_ITEM = 500
LIST_ITEM_COMPARED = 6_000
ITEM_APPENDED = 25
"""Per item already in a list that ``map`` or ``filter`` grows by one: the library copies the list each time."""
CONVERSION = 1_000
CHARACTER_CONVERTED = 5
SEARCH_STEP = 0.05
"""Per character of the text and of what is searched in it: ``contains`` compares many at once."""
PATTERN_INSTRUCTION = 3_000
"""Patterns are compiled anew by every evaluation."""
PATTERN_STEP = 10

CONVERSIONS = frozenset({"int", "double", "string", "bool", "timestamp", "duration"})


class Size(NamedTuple):
    """How much a value holds at most: ``characters`` of text, all items together, and ``items`` of a list."""

    characters: int = 0
    items: int = 0

    @property
    def item(self) -> "Size":
        """An item of average length."""
        return Size(-(-self.characters // max(self.items, 1)))


NOTHING = Size()
Sizes = Mapping[str, Size]


def cost(node: Node, sizes: Sizes, turns: int = 1) -> float:
    """Return the nanoseconds that evaluating a node ``turns`` times may take.

    ``sizes`` says how much each text and each list may hold, by variable.
    """
    if node.kind == "loop":
        return _loop(node, sizes, turns)
    own = NODE + (_call(node, sizes) if node.kind == "call" else 0)
    return turns * own + sum(cost(child, sizes, turns) for child in node.children)


def size(node: Node, sizes: Sizes) -> Size:
    """Return how much the value of a node may hold."""
    if node.kind in {"variable", "local"}:
        return sizes.get(node.name, NOTHING)
    if node.text is not None:
        return Size(len(node.text))
    if node.kind in {"list", "struct"}:
        parts = [size(child, sizes) for child in node.children]
        return Size(sum(part.characters for part in parts), len(parts))
    if node.kind == "loop":
        over, start, _, step, _ = node.children
        within = {**sizes, **_locals(node, size(over, sizes).item)}
        first, grown, turns = size(start, sizes), size(step, within), max(size(over, sizes).items, 1)
        return Size(first.characters + turns * grown.characters, first.items + turns * grown.items)
    return _size_of_call(node, sizes)


def _size_of_call(node: Node, sizes: Sizes) -> Size:
    parts = [size(child, sizes) for child in node.children]
    if node.kind != "call" or not parts:
        return max(parts, default=NOTHING)
    if node.name == "_+_":
        return Size(sum(part.characters for part in parts), sum(part.items for part in parts))
    if node.name == "_?_:_":
        return Size(max(part.characters for part in parts[1:]), max(part.items for part in parts[1:]))
    if node.name == "string":
        return Size(max(parts[0].characters, 64))
    # An item of a list may be the longest of all.
    return Size(parts[0].characters) if node.name == "_[_]" else NOTHING


def _loop(node: Node, sizes: Sizes, turns: int) -> float:
    over, start, condition, step, result = node.children
    held = size(over, sizes)
    inner = min(turns * max(held.items, 1), MAX_TURNS)
    within = {**sizes, **_locals(node, held.item)}
    spent = cost(over, sizes, turns) + cost(start, sizes, turns) + cost(result, within, turns)
    spent += cost(condition, within, inner) + cost(step, within, inner)
    if _appends(step, node.name):
        spent += turns * held.items * held.items * ITEM_APPENDED
    return spent + turns * held.items * LIST_ITEM


def _locals(node: Node, item: Size) -> dict[str, Size]:
    names = {one.name for part in node.children for one in walk(part) if one.kind == "local"}
    return {name: NOTHING if name == node.name else item for name in names}


def _appends(step: Node, accumulator: str) -> bool:
    return any(
        one.kind == "call" and one.name == "_+_" and one.children[0].name == accumulator
        and one.children[1].kind == "list"
        for one in walk(step)
    )  # fmt: skip


def _call(node: Node, sizes: Sizes) -> float:
    parts = [size(child, sizes) for child in node.children]
    total = sum(part.characters for part in parts)
    if node.name == "matches":
        pattern = node.children[1].text
        compiled = pattern_size(pattern) if pattern is not None else MAX_PATTERN_CHARACTERS
        return (1 + compiled) * (PATTERN_INSTRUCTION + PATTERN_STEP * parts[0].characters)
    if node.name == "contains":
        return CHARACTER * total + SEARCH_STEP * parts[0].characters * parts[1].characters
    if node.name in CONVERSIONS:
        return CONVERSION + CHARACTER_CONVERTED * total
    if node.name in {"_==_", "_!=_"}:
        return CHARACTER * total + LIST_ITEM_COMPARED * min(part.items for part in parts)
    if node.name in {"_&&_", "_||_", "_?_:_", "!_"}:
        return 0
    return CHARACTER * total + LIST_ITEM * sum(part.items for part in parts)

"""What the YAML library says of a text that it cannot read, in the words of people who write policies."""

import re
from typing import Any

import yaml

from countersign_router.language.diagnostics import Diagnostic

_WHILE_QUOTED = "while scanning a quoted scalar"
_NO_COLON = "could not find expected ':'"
_UNCLOSED = {"did not find expected ',' or ']'": "]", "did not find expected ',' or '}'": "}"}
_WHERE_NOTICED = {
    "mapping values are not allowed in this context": (
        "a colon does not belong here", "indent keys of a section alike, and put a text that holds a colon in quotes",
    ),
    "did not find expected key": (
        "this does not fit what stands above it", "look at the indentation, and whether a quote is closed too early",
    ),
    "did not find expected node content": ("a value is missing here", None),
    "but found another document": ("another document begins here; a file holds one policy", None),
    "found unknown escape character": (
        "no such escape within double quotes", "write the backslash twice, or use single quotes",
    ),
}  # fmt: skip
_NUMBERS = frozenset({"tag:yaml.org,2002:int", "tag:yaml.org,2002:float"})
_LEADING_ZERO = re.compile(r"[-+]?0[0-7_]+")
_NO_TAG = "could not determine a constructor for the tag"
_NO_START = "found character that cannot start any token"


def yaml_problem(error: yaml.YAMLError, text: str) -> Diagnostic:
    """Say what keeps a text from being read, and where to look."""
    if isinstance(error, yaml.reader.ReaderError):
        before = text[: error.position]
        return Diagnostic(
            "", f"the character U+{error.character:04X} does not belong in a text", before.count("\n") + 1,
            len(before) - before.rfind("\n"),
        )  # fmt: skip
    if not isinstance(error, yaml.MarkedYAMLError):
        return Diagnostic("", f"not YAML: {error}")
    problem = error.problem or error.context or "not YAML"
    noticed = error.problem_mark or error.context_mark
    unfinished = _unfinished(problem, error.context, error.context_mark or noticed, noticed)
    return unfinished or _unfit(problem, noticed, text)


def _unfinished(problem: str, context: str | None, begun: Any, noticed: Any) -> Diagnostic | None:
    """Something is not ended; the library notices only further down, so it is said of where it begins."""
    if problem == _NO_COLON:
        return marked("a colon is missing: a line is written `key: value`", begun)
    if context == _WHILE_QUOTED and "end of" in problem:
        return marked("this quote is never closed", begun)
    if problem not in _UNCLOSED:
        return None
    if begun.line == noticed.line:
        return marked(f"a comma or {_UNCLOSED[problem]} is missing before this", noticed)
    return marked(f"this is not closed with {_UNCLOSED[problem]}, or a comma is missing in it", begun)


def _unfit(problem: str, mark: Any, text: str) -> Diagnostic:
    if problem in _WHERE_NOTICED:
        message, hint = _WHERE_NOTICED[problem]
        return marked(message, mark, hint)
    if problem.startswith(_NO_TAG):
        return marked("no tags are taken: what begins with ! must be in quotes", mark)
    if problem != _NO_START or mark is None:
        return marked(problem, mark)
    character = text[mark.index : mark.index + 1]
    if character == "\t":
        return marked("a tab cannot indent", mark, "use spaces")
    return marked(f"a value cannot begin with {character}", mark, "put it in quotes")


def misread_number(node: yaml.Node) -> Diagnostic | None:
    """Say what YAML makes of a number that people read otherwise: a leading zero, or a colon within."""
    if not isinstance(node, yaml.ScalarNode) or node.tag not in _NUMBERS:
        return None
    read = yaml.safe_load(node.value)
    if ":" in node.value:
        return marked(f"{node.value} is read as {read}, to the base of sixty", node.start_mark, "write it in one unit")
    if _LEADING_ZERO.fullmatch(node.value) is None:
        return None
    plain = node.value.replace("_", "").lstrip("+-0") or "0"
    return marked(f"{node.value} is read as {read}, to the base of eight", node.start_mark, f"write {plain}")


def marked(message: str, mark: Any, hint: str | None = None) -> Diagnostic:
    """Put a message at a mark of the library's; None is nowhere."""
    if mark is None:
        return Diagnostic("", message, hint=hint)
    return Diagnostic("", message, mark.line + 1, mark.column + 1, hint)

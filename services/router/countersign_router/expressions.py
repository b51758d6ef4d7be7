"""The expression language behind one small interface: checked texts in, one function out.

The language is CEL (docs/adr/0020). Everything that knows the library is in this file; the rest of the service sees
``Expression`` values and an ``Evaluate`` function. Two forms are rewritten before the compiler sees them, without
moving a character: ``has(case.x)`` becomes the boolean ``has.case.x`` and ``usd(25000)`` the integer ``2500000``.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cel_expr_python import cel

from countersign_router.domain.policy import (
    Evaluate,
    Expression,
    ExpressionFailure,
    InputType,
    Results,
    ResultType,
)
from countersign_router.expression_tree import (
    HAS,
    Node,
    literal_comparisons,
    names_used,
    read_tree,
    unguarded,
    variables_read,
)

MAX_EXPRESSION_BYTES = 4096
MAX_EXPRESSIONS = 500
CHUNK_CHARACTERS = 20_000
"""Expressions are evaluated together, as one list: a call into the library costs more than most expressions.

The library refuses sources above 100,000 characters, so long policies are cut into several lists.
"""

_TYPES = {
    "money": cel.Type.INT, "integer": cel.Type.INT, "number": cel.Type.DOUBLE, "boolean": cel.Type.BOOL,
    "string": cel.Type.STRING, "strings": cel.Type.List(cel.Type.STRING), "timestamp": cel.Type.TIMESTAMP,
    "date": cel.Type.TIMESTAMP, "duration": cel.Type.DURATION,
}  # fmt: skip
_RESULTS = {"integer": cel.Type.INT, "boolean": cel.Type.BOOL, "number": cel.Type.DOUBLE}
_PYTHON = {"integer": int, "boolean": bool, "number": float}

_TOKEN = re.compile(
    r"""(?P<skip>//[^\n]*|[bBrR]{0,2}(?:'''(?:\\.|[^\\])*?'''|\"\"\"(?:\\.|[^\\])*?\"\"\"
        |'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"))
      |(?<![\w.])has\s*\((?P<present>\s*(?:case|signals)\s*\.\s*[A-Za-z_]\w*\s*)\)
      |(?<![\w.])(?P<unit>[a-z]{3})\s*\(\s*(?P<amount>\d{1,15})(?:\.(?P<fraction>\d{1,4}))?\s*\)""",
    re.VERBOSE | re.DOTALL,
)
_POSITION = re.compile(r"<input>:(-?\d+):(-?\d+): (.*)")


@dataclass(frozen=True, slots=True)
class Variable:
    """A name that expressions may read; an ``optional`` one only behind ``has()``. ``values`` lists a text's values."""

    type: InputType | str
    optional: bool = False
    values: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """One expression as written in a policy: where, what, and the type it must give."""

    path: str
    text: str
    result: ResultType


@dataclass(frozen=True, slots=True)
class ExpressionProblem:
    """Why an expression is refused; ``line`` and ``column`` count from 1 within its text, 0 when unknown."""

    path: str
    message: str
    line: int = 0
    column: int = 0


@dataclass(frozen=True, slots=True)
class Compiled:
    """All expressions of a policy and the function that evaluates them."""

    expressions: tuple[Expression, ...]
    evaluate: Evaluate


def compile_expressions(
    sources: Sequence[Source], variables: Mapping[str, Variable], minor_digits: Mapping[str, int]
) -> Compiled | list[ExpressionProblem]:
    """Compile and type-check expressions against the declared variables, or say everything that is wrong with them.

    ``minor_digits`` maps currency codes to their decimal places; each code gives a money helper of its name.
    """
    if len(sources) > MAX_EXPRESSIONS:
        return [ExpressionProblem("", f"{len(sources)} expressions; a policy may have {MAX_EXPRESSIONS}")]
    environment = _environment(variables)
    problems: list[ExpressionProblem] = []
    prepared: list[_Prepared] = []
    for slot, source in enumerate(sources):
        outcome = _prepare(environment, slot, source, variables, minor_digits)
        if isinstance(outcome, _Prepared):
            prepared.append(outcome)
        else:
            problems.extend(outcome)
    if problems:
        return problems
    return Compiled(tuple(one.expression for one in prepared), _evaluator(environment, prepared))


@dataclass(frozen=True, slots=True)
class _Prepared:
    expression: Expression
    rewritten: str
    program: Any
    names: frozenset[str]


def _environment(variables: Mapping[str, Variable]) -> Any:
    types: dict[str, Any] = {name: _TYPES[variable.type] for name, variable in variables.items()}
    types |= {HAS + name: cel.Type.BOOL for name in variables if name.startswith(("case.", "signals."))}
    return cel.NewEnv(variables=types)


def _prepare(
    environment: Any, slot: int, source: Source, variables: Mapping[str, Variable], minor_digits: Mapping[str, int]
) -> _Prepared | list[ExpressionProblem]:
    if len(source.text.encode()) > MAX_EXPRESSION_BYTES:
        return [ExpressionProblem(source.path, f"longer than {MAX_EXPRESSION_BYTES} bytes")]
    rewritten = _rewrite(source.text, minor_digits)
    try:
        program = environment.compile(rewritten)
    except RuntimeError as error:
        return _read_problems(source, str(error))
    if program.return_type() != _RESULTS[source.result]:
        found = program.return_type().name().lower()
        return [ExpressionProblem(source.path, f"must give {_said(source.result)}, gives {found}")]
    tree = read_tree(program.serialize())
    if problems := _semantic_problems(source.path, tree, variables):
        return problems
    expression = Expression(slot, source.path, source.text, source.result, tuple(sorted(variables_read(tree))))
    return _Prepared(expression, rewritten, program, names_used(tree))


def _semantic_problems(path: str, tree: Node, variables: Mapping[str, Variable]) -> list[ExpressionProblem]:
    optional = frozenset(name for name, variable in variables.items() if variable.optional)
    problems = [
        ExpressionProblem(path, f"{name} is optional: guard it with has({name})")
        for name in sorted(unguarded(tree, optional))
    ]
    for name, literal in literal_comparisons(tree):
        values = variables[name].values if name in variables else None
        if values is not None and literal not in values:
            known = ", ".join(sorted(values))
            problems.append(ExpressionProblem(path, f"{name} is never {literal!r}; it is one of {known}"))
    return problems


def _said(result: ResultType) -> str:
    return {"integer": "an integer", "boolean": "true or false", "number": "a number with a decimal point"}[result]


def _rewrite(text: str, minor_digits: Mapping[str, int]) -> str:
    """Turn ``has(case.x)`` and ``usd(5)`` into a variable and an integer of the same width, so that positions hold."""

    def replaced(match: re.Match[str]) -> str:
        whole = match.group(0)
        if match["present"] is not None:
            return f"has.{match['present']} ".rjust(len(whole))
        digits = minor_digits.get((match["unit"] or "").upper())
        fraction = match["fraction"] or ""
        if match["skip"] is not None or digits is None or len(fraction) > digits:
            return whole
        # Parentheses and unit are five characters wide and no currency has more than four minor digits: it always fits.
        return str(int(match["amount"] + fraction.ljust(digits, "0"))).rjust(len(whole))

    return _TOKEN.sub(replaced, text)


def _read_problems(source: Source, text: str) -> list[ExpressionProblem]:
    """Turn the library's message, one line per error with a drawing below it, into problems with positions."""
    found = [
        ExpressionProblem(source.path, _in_our_words(message), max(int(line), 0), max(int(column), 0))
        for line, column, message in _POSITION.findall(text)
    ]
    return found or [ExpressionProblem(source.path, _in_our_words(text))]


def _in_our_words(message: str) -> str:
    message = re.sub(r" \(in container ''\)| ?\[[A-Z_]+\]$", "", message.strip())
    return message.replace(f"'{HAS}", "'").removeprefix("CANCELLED: ").removeprefix("INVALID_ARGUMENT: ")


def _evaluator(environment: Any, prepared: Sequence[_Prepared]) -> Evaluate:
    chunks = [_chunk(environment, part) for part in _cut(prepared)]
    # Every variable handed over costs as much as a small expression, so only those that are read are.
    needed = tuple(sorted(frozenset[str]().union(*(one.names for one in prepared))))
    new_activation: Callable[[Mapping[str, object]], Any] = environment.Activation

    def evaluate(variables: Mapping[str, object]) -> Results:
        activation = new_activation({name: variables[name] for name in needed if name in variables})
        if len(chunks) == 1:
            values = _all_at_once(chunks[0][0], activation)
            if values is not None:
                return Results(values)
        results: list[object] = []
        for together, singles in chunks:
            results += _all_at_once(together, activation) or [_one(program, activation) for program in singles]
        return Results(results, [slot for slot, one in enumerate(results) if isinstance(one, ExpressionFailure)])

    return evaluate


def _cut(prepared: Sequence[_Prepared]) -> list[list[_Prepared]]:
    parts: list[list[_Prepared]] = []
    room = 0
    for one in prepared:
        if room < len(one.rewritten):
            parts.append([])
            room = CHUNK_CHARACTERS
        parts[-1].append(one)
        room -= len(one.rewritten)
    return parts


def _chunk(environment: Any, part: Sequence[_Prepared]) -> tuple[Any | None, list["_Single"]]:
    singles = [_Single(one.program, one.expression) for one in part]
    # Each text stands on its own line, because it may end in a comment.
    joined = "[" + ",".join(f"dyn({one.rewritten}\n)" for one in part) + "]"
    try:
        return environment.compile(joined), singles
    except RuntimeError:
        # Two levels deeper than each alone, which the library's limit on nesting may refuse.
        return None, singles


@dataclass(frozen=True, slots=True)
class _Single:
    program: Any
    expression: Expression


def _all_at_once(together: Any | None, activation: Any) -> list[object] | None:
    """Evaluate a list of expressions; None when any of them failed, so that each is asked for itself."""
    if together is None:
        return None
    try:
        values = together.eval(activation).plain_value()
    except RuntimeError:
        return None
    # An error comes back as a value of another type; it must never pass for an answer.
    return values if values.__class__ is list else None


def _one(single: _Single, activation: Any) -> object:
    try:
        value = single.program.eval(activation)
        plain = value.plain_value()
    except RuntimeError as error:
        return ExpressionFailure(_in_our_words(str(error)))
    if plain.__class__ is not _PYTHON[single.expression.result]:
        return ExpressionFailure(_in_our_words(str(plain)))
    return plain

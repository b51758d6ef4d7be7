"""The expression language behind one small interface: checked texts in, one function out.

The language is CEL (docs/adr/0020). Everything that knows the library is in this file; the rest of the service sees
``Expression`` values and an ``Evaluate`` function. Two forms are rewritten before the compiler sees them, without
moving a character: ``has(case.x)`` becomes the boolean ``has.case.x`` and ``usd(25000)`` the integer ``2500000``.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from cel_expr_python import cel

from countersign_router.domain.policy import (
    Evaluate,
    Expression,
    ExpressionFailure,
    Reevaluate,
    Results,
    ResultType,
)
from countersign_router.language.diagnostics import Diagnostic
from countersign_router.language.expression_cost import cost
from countersign_router.language.expression_hints import hint_for
from countersign_router.language.expression_literals import Helper, Written, meaningless, odd_money
from countersign_router.language.expression_rules import Finding, Variable, findings
from countersign_router.language.expression_tree import HAS, names_used, read_tree, variables_read

MAX_EXPRESSION_BYTES = 4096
MAX_EXPRESSIONS = 510
"""Five hundred rules, five factors, the floor, and what sampling and four eyes ask."""
MAX_MILLISECONDS = 20.0
"""What evaluating a policy may take at worst, by the estimate of ``expression_cost``, everything evaluated twice."""
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

_OVERLOAD = re.compile(r"found no matching overload for '([^']*)' applied to '\(?([^']*?)\)?'")
_TYPE_NAMES = {
    "int": "integer", "double": "number", "bool": "true or false", "google.protobuf.Timestamp": "timestamp",
    "google.protobuf.Duration": "duration", "list(string)": "strings", "string": "text",
}  # fmt: skip

_TOKEN = re.compile(
    r"""(?P<skip>//[^\n]*|[bBrR]{0,2}(?:'''(?:\\.|[^\\])*?'''|\"\"\"(?:\\.|[^\\])*?\"\"\"
        |'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"))
      |(?<![\w.])has\s*\((?P<present>\s*(?:case|signals)\s*\.\s*[A-Za-z_]\w*\s*)\)
      |(?<![\w.])(?P<unit>[a-z]{3})\s*\(\s*(?P<amount>\d{1,15})(?:\.(?P<fraction>\d{1,4}))?\s*\)""",
    re.VERBOSE | re.DOTALL,
)
_ODD = re.compile(r"[^\x09\x0a\x0d\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Control characters and half characters: nobody sees them, and the library reads some of them its own way."""
_REFUSALS = (RuntimeError, TypeError, ValueError, OverflowError)
"""What the library raises; a value it cannot take over comes as one of the others."""
_STATUS = re.compile(r"^[A-Z_]+: ")
_ABSENT = re.compile(r'No value with name "([^"]*)" found in Activation')
_POSITION = re.compile(r"<input>:(-?\d+):(-?\d+): (.*)")


@dataclass(frozen=True, slots=True)
class Source:
    """One expression as written in a policy: where, what, and the type it must give."""

    path: str
    text: str
    result: ResultType


@dataclass(frozen=True, slots=True)
class Compiled:
    """All expressions of a policy, the function that evaluates them, and the one that evaluates some of them anew.

    ``milliseconds`` is what an evaluation may take at worst. ``unusable`` refuses what is written now: literals that no
    case can be held against. ``odd`` are warnings.
    """

    expressions: tuple[Expression, ...]
    evaluate: Evaluate
    reevaluate: Reevaluate
    milliseconds: float
    unusable: tuple[Diagnostic, ...] = ()
    odd: tuple[Diagnostic, ...] = ()


def compile_expressions(
    sources: Sequence[Source], variables: Mapping[str, Variable], minor_digits: Mapping[str, int], *, outcomes: int = 1
) -> Compiled | list[Diagnostic]:
    """Compile and type-check expressions against the declared variables, or say everything that is wrong with them.

    ``minor_digits`` maps currency codes to their decimal places; each code gives a money helper of its name. Without
    a proposal, what reads the outcome is evaluated for each of the ``outcomes``. Positions are within the expression.
    """
    if len(sources) > MAX_EXPRESSIONS:
        return [Diagnostic("", f"{len(sources)} expressions; a policy may have {MAX_EXPRESSIONS}")]
    compiler = _Compiler(_environment(variables), variables, minor_digits)
    problems: list[Diagnostic] = []
    prepared: list[_Prepared] = []
    for slot, source in enumerate(sources):
        outcome = _prepare(compiler, slot, source)
        if isinstance(outcome, _Prepared):
            prepared.append(outcome)
        else:
            problems.extend(outcome)
    if problems:
        return problems
    milliseconds, slow = _time(prepared, outcomes)
    if slow is not None:
        return [slow]
    evaluate, reevaluate = _evaluators(compiler.environment, prepared)
    unusable = tuple(found for one in prepared for found in one.unusable)
    odd = tuple(found for one in prepared for found in one.odd)
    return Compiled(
        tuple(one.expression for one in prepared), evaluate, reevaluate, milliseconds, unusable=unusable, odd=odd
    )


@dataclass(frozen=True, slots=True)
class _Compiler:
    environment: Any
    variables: Mapping[str, Variable]
    minor_digits: Mapping[str, int]

    def is_pattern(self, pattern: str) -> str | None:
        """Say why a regular expression is none."""
        asked = self.environment.compile(f"''.matches({json.dumps(pattern)})")
        answer = asked.eval(self.environment.Activation({})).plain_value()
        return None if isinstance(answer, bool) else _in_our_words(str(answer))

    def fails(self, text: str) -> bool:
        """Tell whether an expression without variables, which would not give a text, gives an error."""
        try:
            return isinstance(self.environment.compile(text).eval(self.environment.Activation({})).plain_value(), str)
        except _REFUSALS:
            return True


@dataclass(frozen=True, slots=True)
class _Prepared:
    expression: Expression
    rewritten: str
    program: Any
    names: frozenset[str]
    nanoseconds: float
    unusable: tuple[Diagnostic, ...]
    odd: tuple[Diagnostic, ...]


def _environment(variables: Mapping[str, Variable]) -> Any:
    types: dict[str, Any] = {name: _TYPES[variable.type] for name, variable in variables.items()}
    types |= {HAS + name: cel.Type.BOOL for name in variables if name.startswith(("case.", "signals."))}
    return cel.NewEnv(variables=types)


def _prepare(compiler: _Compiler, slot: int, source: Source) -> _Prepared | list[Diagnostic]:
    if len(source.text.encode(errors="replace")) > MAX_EXPRESSION_BYTES:
        return [Diagnostic(source.path, f"longer than {MAX_EXPRESSION_BYTES} bytes")]
    if not source.text.isprintable() and (odd := _ODD.search(source.text)) is not None:
        return [_at(source, odd.start(), f"the character {odd[0]!r} does not belong here")]
    rewritten = _rewrite(source.text, compiler.minor_digits)
    try:
        program = compiler.environment.compile(rewritten)
    except RuntimeError as error:
        return _read_problems(source, str(error), compiler)
    if program.return_type() != _RESULTS[source.result]:
        found = program.return_type().name().lower()
        hint = "write it with a decimal point" if (source.result, found) == ("number", "int") else None
        return [_at(source, 0, f"must give {_said(source.result)}, gives {found}", hint, len(source.text))]
    tree = read_tree(program.serialize())
    if problems := [_found(source, one) for one in findings(tree, compiler.variables, compiler.is_pattern)]:
        return problems
    expression = Expression(slot, source.path, source.text, source.result, tuple(sorted(variables_read(tree))))
    spent = cost(tree, {name: variable.size for name, variable in compiler.variables.items()})
    doubtful = odd_money(tree, compiler.variables, _helpers(source.text, compiler.minor_digits))
    return _Prepared(
        expression, rewritten, program, names_used(tree), spent,
        tuple(_found(source, one) for one in meaningless(tree, compiler.fails)),
        tuple(replace(_found(source, one), severity="warning") for one in doubtful),
    )  # fmt: skip


def _found(source: Source, found: Finding) -> Diagnostic:
    name = found.node.name if found.node.kind == "variable" else ""
    # The library points at the last dot of a name, people look for its beginning.
    offset = found.node.offset - len(name.removeprefix(HAS).rpartition(".")[0])
    return _at(source, offset, found.message, found.hint, max(len(name), 1))


def _at(source: Source, offset: int, message: str, hint: str | None = None, length: int = 1) -> Diagnostic:
    before = source.text[: max(offset, 0)]
    column = len(before) - (before.rfind("\n") + 1) + 1
    return Diagnostic(source.path, message, before.count("\n") + 1, column, hint, min(length, 30))


def _time(prepared: Sequence[_Prepared], outcomes: int) -> tuple[float, Diagnostic | None]:
    """Return the worst time of a policy, and what is wrong when that is too long, said of the slowest expression."""

    def spent(one: _Prepared) -> float:
        # Twice: where one expression fails, each is evaluated alone after all were evaluated together.
        return 2 * one.nanoseconds * (outcomes if "proposal.outcome" in one.expression.reads else 1) / 1e6

    total = sum(map(spent, prepared))
    if total <= MAX_MILLISECONDS:
        return total, None
    slowest = max(prepared, key=spent)
    message = (
        f"takes up to {spent(slowest):.3g} ms of the policy's {total:.3g} ms, on the longest texts and lists that its "
        f"inputs allow; a policy may take {MAX_MILLISECONDS:g} ms"
    )
    hint = "declare `max_length` and `max_items` of the inputs it reads, or search for less"
    return total, Diagnostic(slowest.expression.path, message, hint=hint)


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


def _helpers(text: str, minor_digits: Mapping[str, int]) -> Helper:
    """Return what tells which money helper of a text an offset lies in."""
    found = [
        (match.span(), Written(match.start(), match["unit"].upper(), match[0]))
        for match in _TOKEN.finditer(text) if (match["unit"] or "").upper() in minor_digits
    ]  # fmt: skip
    return lambda offset: next((one for (start, end), one in found if start <= offset < end), None)


def _read_problems(source: Source, text: str, compiler: _Compiler) -> list[Diagnostic]:
    """Turn the library's message, one line per error with a drawing below it, into problems with positions."""
    found = _POSITION.findall(text)
    if not found:
        return [Diagnostic(source.path, _in_our_words(text))]
    names, currencies = compiler.variables, compiler.minor_digits
    problems = []
    for line, column, said in found:
        message = _in_our_words(said)
        place, length = max(int(column), 0), 1
        if (undeclared := re.search(r"undeclared reference to '([^']*)'", message)) is not None:
            place, length = max(place - len(undeclared[1].rpartition(".")[0]), 1), len(undeclared[1])
        hint = hint_for(message, names, currencies)
        problems.append(Diagnostic(source.path, message, max(int(line), 0), place, hint, length))
    return problems


def _in_our_words(message: str) -> str:
    message = re.sub(r" \(in container ''\)| ?\[[A-Z_]+\]$", "", message.strip())
    message = _STATUS.sub("", message.replace(f"'{HAS}", "'"))
    message = _ABSENT.sub(r"\1 is not there", message)
    return _OVERLOAD.sub(lambda found: f"{found[1].strip('_')} does not take ({_types(found[2])})", message)


def _types(listed: str) -> str:
    return ", ".join(_TYPE_NAMES.get(one, one) for one in listed.split(", "))


def _evaluators(environment: Any, prepared: Sequence[_Prepared]) -> tuple[Evaluate, Reevaluate]:
    chunks = [_chunk(environment, part) for part in _cut(prepared)]
    singles = [_Single(one.program, one.expression) for one in prepared]
    # Every variable handed over costs as much as a small expression, so only those that are read are.
    needed = tuple(sorted(frozenset[str]().union(*(one.names for one in prepared))))
    new_activation: Callable[[Mapping[str, object]], Any] = environment.Activation

    def offered(variables: Mapping[str, object]) -> Any:
        return new_activation({name: variables[name] for name in needed if name in variables})

    def evaluate(variables: Mapping[str, object]) -> Results:
        try:
            activation = offered(variables)
        except _REFUSALS as error:
            return Results([ExpressionFailure(str(error)) for _ in prepared], range(len(prepared)))
        if len(chunks) == 1:
            values = _all_at_once(chunks[0][0], activation)
            if values is not None:
                return Results(values)
        results: list[object] = []
        for together, part in chunks:
            results += _all_at_once(together, activation) or [_one(program, activation) for program in part]
        return Results(results, [slot for slot, one in enumerate(results) if isinstance(one, ExpressionFailure)])

    def reevaluate(variables: Mapping[str, object], slots: Sequence[int]) -> list[object]:
        try:
            activation = offered(variables)
        except _REFUSALS as error:
            return [ExpressionFailure(str(error)) for _ in slots]
        return [_one(singles[slot], activation) for slot in slots]

    return evaluate, reevaluate


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
    except _REFUSALS:
        return None
    # An error comes back as a value of another type; it must never pass for an answer.
    return values if values.__class__ is list else None


def _one(single: _Single, activation: Any) -> object:
    try:
        value = single.program.eval(activation)
        plain = value.plain_value()
    except _REFUSALS as error:
        return ExpressionFailure(_in_our_words(str(error)))
    if plain.__class__ is not _PYTHON[single.expression.result]:
        return ExpressionFailure(_in_our_words(str(plain)))
    return plain

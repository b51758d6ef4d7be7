"""CEL for rules, behind one small interface: texts in, a function that evaluates them together out.

Everything in this service that knows the library is here. The router has an interface of its own, with a policy's
money, positions and limits; these rules are files beside the models, read at start by whoever runs the service.
"""

from collections.abc import Callable, Mapping
from typing import Any, Literal

from cel_expr_python import cel

InputType = Literal["number", "integer", "boolean", "text", "texts"]
Evaluate = Callable[[Mapping[str, object]], list[bool | None]]
"""Values by name in; per expression true, false, or None when it cannot be told."""

MAX_EXPRESSION_CHARACTERS = 2_000
MAX_RULES = 100
"""Each costs about a microsecond a case."""
MAX_TEXT_CHARACTERS = 20_000
"""Texts are cut to this before a rule sees them: matching takes time in proportion."""

_TYPES = {
    "number": cel.Type.DOUBLE, "integer": cel.Type.INT, "boolean": cel.Type.BOOL, "text": cel.Type.STRING,
    "texts": cel.Type.List(cel.Type.STRING),
}  # fmt: skip
_REFUSALS = (RuntimeError, TypeError, ValueError, OverflowError)


class RuleError(ValueError):
    """An expression that does not compile, or gives no boolean; the message says which and why."""


def compiled(inputs: Mapping[str, InputType], expressions: Mapping[str, str]) -> Evaluate:
    """Compile expressions, by rule id, over typed inputs."""
    if len(expressions) > MAX_RULES:
        raise RuleError(f"{len(expressions)} rules, at most {MAX_RULES} are taken")
    environment = cel.NewEnv(variables={name: _TYPES[kind] for name, kind in inputs.items()})
    singles = [_program(environment, rule, text) for rule, text in expressions.items()]
    # One list: a call into the library costs more than most expressions do.
    together = environment.compile("[" + ",".join(f"dyn({text}\n)" for text in expressions.values()) + "]")

    def evaluate(values: Mapping[str, object]) -> list[bool | None]:
        try:
            activation = environment.Activation(dict(values))
        except _REFUSALS:
            return [None] * len(singles)
        found = _value(together, activation)
        # An error comes back as a value of another type; only then is each asked by itself.
        if found.__class__ is list:
            return [one if one.__class__ is bool else None for one in found]
        alone = [_value(program, activation) for program in singles]
        return [one if one.__class__ is bool else None for one in alone]

    return evaluate


def _program(environment: Any, rule: str, text: str) -> Any:
    if len(text) > MAX_EXPRESSION_CHARACTERS:
        raise RuleError(f"rule {rule}: longer than {MAX_EXPRESSION_CHARACTERS} characters")
    try:
        program = environment.compile(text)
    except RuntimeError as error:
        raise RuleError(f"rule {rule}: {error}") from error
    if program.return_type() != cel.Type.BOOL:
        raise RuleError(f"rule {rule}: gives {program.return_type().name().lower()}, must be true or false")
    return program


def _value(program: Any, activation: Any) -> Any:
    try:
        return program.eval(activation).plain_value()
    except _REFUSALS:
        return None


def value_of(raw: object, kind: InputType) -> object | None:
    """Return a payload value as the language takes it, or None when it is of another type."""
    if kind == "number":
        return float(raw) if type(raw) in {int, float} else None  # type: ignore[arg-type]
    if kind == "integer":
        return raw if type(raw) is int and abs(raw) < 2**63 else None
    if kind == "boolean":
        return raw if type(raw) is bool else None
    if kind == "text":
        return _text(raw)
    if type(raw) is not list:
        return None
    texts = [_text(one) for one in raw]
    return None if None in texts else texts


def _text(raw: object) -> str | None:
    if type(raw) is not str:
        return None
    return raw[:MAX_TEXT_CHARACTERS].encode("utf-8", "replace").decode("utf-8")

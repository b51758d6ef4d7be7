"""A proposal in plain words: which fields speak for it and which against, and how much."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from countersign_inference.domain.features import Input
from countersign_shared.contracts.field_formats import formatter

MOST_FACTORS = 4
"""As many as the principal reasons that a decision may state; every further one would travel four topics unread."""
LEAST_EFFECT = 0.02
"""In log-odds: a factor that moves an even chance by less than half a percentage point is noise to a reader."""
NAMED_IN_SUMMARY = 3
LONGEST_LINE = 500
WHOLE_FROM = 1_000
_written = formatter("number", unit=None, choices={})

Phrase = Callable[[Any], str]


class Spoken(NamedTuple):
    """The factors of a proposal, and their texts for and against it, strongest first."""

    factors: list[dict[str, Any]]
    in_favour: list[str]
    opposed: list[str]


class Wording:
    """Says a model's inputs in words. Called for every case, so all that depends on the input alone is made once."""

    def __init__(self, inputs: Sequence[Input]) -> None:
        self._phrases = [(item.field, f"{item.label}: not stated", phrase(item)) for item in inputs]

    def speak(self, payload: Mapping[str, Any], effects: Sequence[float], order: Sequence[int]) -> Spoken:
        """Return the strongest factors; `effects` are per input, `order` ranks inputs by the size of their effect."""
        factors: list[dict[str, Any]] = []
        in_favour: list[str] = []
        opposed: list[str] = []
        phrases, stated = self._phrases, payload.get
        for position in order:
            effect = effects[position]
            if -LEAST_EFFECT < effect < LEAST_EFFECT:
                break
            field, not_stated, say = phrases[position]
            value = stated(field)
            text = not_stated if value is None else say(value)
            if effect > 0:
                direction = "for"
                in_favour.append(text)
            else:
                direction = "against"
                opposed.append(text)
            factors.append({"field": field, "value": value, "effect": effect, "direction": direction, "text": text})
        return Spoken(factors, in_favour, opposed)


def phrase(item: Input) -> Phrase:
    """Return the function that says a value of this input in words."""
    if item.kind == "boolean":
        return {flag: f"{item.label}: {item.words.get(name, name)}" for flag, name in _FLAGS}.__getitem__
    if item.kind == "category":
        return {level: f"{item.label}: {item.words.get(level, level)}" for level in item.levels}.__getitem__
    unit = f" {item.unit}" if item.unit else ""
    neutral = "" if item.neutral is None else f" ({_figure(item)(item.neutral)}{unit} would be neutral)"
    label, figure = f"{item.label} ", _figure(item)
    return lambda value: f"{label}{figure(value)}{unit}{neutral}"


_FLAGS = ((True, "true"), (False, "false"))


def _figure(item: Input) -> Phrase:
    if item.kind == "money":
        return lambda value: f"{float(value):,.0f}"
    return _quantity


def _quantity(value: float) -> str:
    """Write a number with four digits, or whole from 1,000 on: a power of ten is not how people write amounts."""
    return _written(float(f"{value:.4g}") if abs(value) < WHOLE_FROM else float(round(value)))


def in_per_cent(confidence: float) -> str:
    """Say a confidence in whole per cent; never as certainty, nor as impossibility, where it is neither."""
    shown = f"{confidence:.0%}"
    if shown == "100%" and confidence < 1.0:
        return "over 99%"
    return "under 1%" if shown == "0%" and confidence > 0.0 else shown


NOTHING_STANDS_OUT = "No field stands out: in every respect the case is close to the average of the training data."
"""True where effects are counted from that average."""


def summary(label: str, confidence: float, spoken: Spoken, otherwise: str = NOTHING_STANDS_OUT) -> str:
    """Return the explanation in a few sentences: the fields, never only a score; `otherwise` where none is named."""
    in_favour, opposed = spoken.in_favour[:NAMED_IN_SUMMARY], spoken.opposed[:NAMED_IN_SUMMARY]
    said = f"Proposes {label} with {in_per_cent(confidence)} confidence."
    if in_favour:
        said += f" For it: {'; '.join(in_favour)}."
    if opposed:
        said += f" Against it: {'; '.join(opposed)}."
    if not spoken.factors:
        said += f" {otherwise}"
    return said


NOT_EXPLAINED = "No explanation within the budget"


def unexplained(label: str, confidence: float) -> str:
    """Return what is said where the budget for explanations ended before this case: that there is none."""
    sure = in_per_cent(confidence)
    return f"Proposes {label} with {sure} confidence. {NOT_EXPLAINED}: which fields speak for it is not known."


def why_lower(spoken: Spoken) -> str:
    """Return why the other outcome ranked lower: what little speaks for it, and what weighs against it most."""
    if spoken.opposed and spoken.in_favour:
        said = f"What speaks for it ({spoken.opposed[0]}) weighs less than what speaks against ({spoken.in_favour[0]})"
    elif spoken.in_favour:
        said = f"Nothing in the case speaks for it; against it: {spoken.in_favour[0]}"
    elif spoken.opposed:
        said = f"Only this speaks for it: {spoken.opposed[0]}; among cases like this one it is less common"
    else:
        said = "Among cases like this one it is less common"
    return said[:LONGEST_LINE]

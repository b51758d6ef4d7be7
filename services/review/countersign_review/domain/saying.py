"""Answers and decisions on one case in people's words: the labels of its outcomes, its terms as people read them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from countersign_shared.contracts.terms import Term, read_terms

_SAID = ("outcome", "outcome_params", "reason", "principal_reasons")


def _plain(_outcome: str | None, params: Mapping[str, Any]) -> list[Term]:
    return read_terms(params)


@dataclass(frozen=True, slots=True)
class Saying:
    """The words of one case. ``labels`` are those the case was routed with; ``terms`` reads an outcome's parameters."""

    labels: Mapping[str, str]
    terms: Callable[[str | None, Mapping[str, Any]], list[Term]] = _plain

    @classmethod
    def of(
        cls, routed: Mapping[str, Any], terms: Callable[[str | None, Mapping[str, Any]], list[Term]] = _plain
    ) -> "Saying":
        """Take the labels from what a routed case says of its outcomes."""
        return cls({item["outcome"]: item["label"] for item in routed["handling"]["allowed_outcomes"]}, terms)

    def label(self, outcome: str) -> str:
        """Return an outcome in words; one that is not offered keeps its name."""
        return self.labels.get(outcome, outcome)

    def answer(self, said: Mapping[str, Any]) -> dict[str, Any]:
        """Return an answer as it is shown to whoever weighs it."""
        outcome, params = said["outcome"], said["outcome_params"]
        return {
            **{name: said[name] for name in _SAID}, "label": self.label(outcome), "terms": self.terms(outcome, params),
        }  # fmt: skip

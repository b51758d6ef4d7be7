"""The scorer port: a batch of cases in, a proposal or an abstention for each out."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol


class Question(NamedTuple):
    """What a scorer may see of a case: of the payload, the fields that it reads.

    `invalid` names the payload's fields that their decision type's schema refuses; `upstream` is the proposal that
    the event brought along.
    """

    payload: Mapping[str, Any]
    invalid: frozenset[str] = frozenset()
    upstream: Mapping[str, Any] | None = None


class Scored(NamedTuple):
    """A proposal and two of the five signals, in the shape of `case.scored`."""

    proposal: dict[str, Any]
    probability: dict[str, Any]
    similarity: dict[str, Any]


class Abstained(NamedTuple):
    """Why a case gets no proposal: a stable code, and a sentence for people."""

    reason: str
    detail: str = ""


Answer = Scored | Abstained


class Scorer(Protocol):
    """Proposes outcomes for cases of one decision type.

    `kind` names the adapter; `model` identifies exactly what speaks, in the shape of `case.scored`, or is None when no
    model is asked; `reads` are the payload fields it gets to see. `off_loop` says whether `score` computes long enough
    to be kept off the event loop. `score` answers every case, in order. It may raise: the caller turns whatever it
    raises into abstentions, never into guesses.
    """

    @property
    def kind(self) -> str:
        """Return the adapter's name."""

    @property
    def reads(self) -> tuple[str, ...]:
        """Return the payload fields that enter proposals."""

    @property
    def model(self) -> Mapping[str, Any] | None:
        """Return the model block of the scored event."""

    @property
    def off_loop(self) -> bool:
        """Tell whether to run in a thread."""

    def score(self, batch: Sequence[Question]) -> list[Answer]:
        """Answer every case of the batch, in order."""

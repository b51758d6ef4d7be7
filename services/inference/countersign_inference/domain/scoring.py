"""The scorer port: a batch of cases in, a proposal or an abstention for each out."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol


class Question(NamedTuple):
    """What a scorer may see of a case: of the payload, the fields that it reads.

    `invalid` names the payload's fields that their decision type's schema refuses; `upstream` is the proposal that
    the event brought along; `tenant` is for a fair share of slow models and enters no proposal.
    """

    payload: Mapping[str, Any]
    invalid: frozenset[str] = frozenset()
    upstream: Mapping[str, Any] | None = None
    tenant: str = "default"


class Scored(NamedTuple):
    """A proposal and signals in the shape of `case.scored`; None where no method gave the signal.

    `brought` tells that the proposal came with the event: then no model of ours spoke. `calibrator` is the version of
    the calibrator that is in force, where it is another one than the model was trained with.
    """

    proposal: dict[str, Any]
    probability: dict[str, Any]
    similarity: dict[str, Any]
    consensus: dict[str, Any] | None = None
    rule_clarity: dict[str, Any] | None = None
    entities: Sequence[Mapping[str, Any]] = ()
    brought: bool = False
    calibrator: str | None = None


class Abstained(NamedTuple):
    """Why a case gets no proposal: a stable code, and a sentence for people; what was found out all the same."""

    reason: str
    detail: str = ""
    rule_clarity: dict[str, Any] | None = None
    entities: Sequence[Mapping[str, Any]] = ()


Answer = Scored | Abstained
MOST_LETTERS = 500
"""Of a sentence about an abstention; `case.scored` takes no more."""


def needing(fields: Sequence[str], labels: Mapping[str, str]) -> str:
    """Say which fields a model lacks, as people call them; a field without a label keeps its own name."""
    return f"the model needs {', '.join(labels.get(name, name) for name in fields)}"[:MOST_LETTERS]


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


class RemoteScorer(Protocol):
    """A scorer that waits for another machine: asked on the event loop, which it never blocks.

    It keeps its own time: `score` returns within `limit_seconds`, with an abstention for what was not answered by then.
    """

    @property
    def kind(self) -> str:
        """Return the adapter's name."""

    @property
    def reads(self) -> tuple[str, ...]:
        """Return the payload fields that may be sent."""

    @property
    def model(self) -> Mapping[str, Any] | None:
        """Return the model block of the scored event."""

    @property
    def limit_seconds(self) -> float:
        """Return how long a batch may take."""

    async def score(self, batch: Sequence[Question]) -> list[Answer]:
        """Answer every case of the batch, in order."""

    async def aclose(self) -> None:
        """Close connections."""


AnyScorer = Scorer | RemoteScorer


class Opinion(NamedTuple):
    """What one method beside the proposing one thinks of a case: an outcome, or None when it takes no view.

    `clarity` is the rule-clarity signal, from methods that have rules.
    """

    outcome: str | None
    clarity: dict[str, Any] | None = None


class Method(Protocol):
    """A way of judging a case that is independent of the one that proposes."""

    @property
    def name(self) -> str:
        """Return its name and version."""

    @property
    def reads(self) -> tuple[str, ...]:
        """Return the payload fields it looks at."""

    def opinions(self, batch: Sequence[Question]) -> list[Opinion]:
        """Return one opinion per case, in order."""

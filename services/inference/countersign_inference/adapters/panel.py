"""One scorer that proposes, and what stands beside it: proposals that came along, other methods, entities."""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from countersign_inference.adapters.upstream import UpstreamScorer
from countersign_inference.domain.rules import consensus
from countersign_inference.domain.scoring import (
    Abstained,
    Answer,
    Method,
    Opinion,
    Question,
    RemoteScorer,
    Scored,
    Scorer,
)

log = logging.getLogger(__name__)

Extract = Callable[[Mapping[str, Any]], Sequence[Mapping[str, Any]]]
"""Finds entities in a payload."""


class SecondModel:
    """A model whose answers count as an opinion only."""

    def __init__(self, scorer: Scorer) -> None:
        self._scorer = scorer
        model = scorer.model or {"name": scorer.kind, "version": ""}
        self.name = f"{model['name']} {model['version']}".strip()
        self.reads = scorer.reads

    def opinions(self, batch: Sequence[Question]) -> list[Opinion]:
        """Return the outcome it would propose for each case."""
        return [_opinion(answer) for answer in self._scorer.score(batch)]


class Beside:
    """Completes the answers of a proposing scorer; the same whether that one is here or far away.

    `brought` takes over the proposals that events bring, so that ours becomes an opinion on them; None ignores them.
    """

    def __init__(
        self, *, name: str, methods: Sequence[Method], brought: UpstreamScorer | None, extract: Extract | None
    ) -> None:
        self._name = name
        self._methods = tuple(methods)
        self._brought = brought
        self._extract = extract

    @property
    def reads(self) -> frozenset[str]:
        """Return the fields that the methods look at."""
        return frozenset(field for method in self._methods for field in method.reads)

    @property
    def names(self) -> list[str]:
        """Return the methods' names."""
        return [method.name for method in self._methods]

    def complete(self, batch: Sequence[Question], answers: Sequence[Answer]) -> list[Answer]:
        """Return the answers with consensus, rule clarity and entities; a method that fails takes no view."""
        heard = [self._heard(method, batch) for method in self._methods]
        return [
            self._completed(question, answer, [opinions[row] for opinions in heard])
            for row, (question, answer) in enumerate(zip(batch, answers, strict=True))
        ]

    def _heard(self, method: Method, batch: Sequence[Question]) -> list[Opinion]:
        try:
            opinions = method.opinions(batch)
        except Exception:
            log.exception("%s failed on %d cases", method.name, len(batch))
            opinions = []
        return opinions if len(opinions) == len(batch) else [Opinion(None)] * len(batch)

    def _completed(self, question: Question, answer: Answer, heard: Sequence[Opinion]) -> Answer:
        views = [(method.name, opinion.outcome) for method, opinion in zip(self._methods, heard, strict=True)]
        if self._brought is not None and question.upstream is not None:
            views.append((self._name, _opinion(answer).outcome))
            (answer,) = self._brought.score([question])
        clarity = next((opinion.clarity for opinion in heard if opinion.clarity is not None), answer.rule_clarity)
        entities = answer.entities or (() if self._extract is None else self._extract(question.payload))
        if isinstance(answer, Abstained):
            return answer._replace(rule_clarity=clarity, entities=entities)
        together = consensus(answer.proposal["outcome"], views) if views else None
        return answer._replace(consensus=together, rule_clarity=clarity, entities=entities)


class Panel:
    """A local scorer with what stands beside it."""

    off_loop = True

    def __init__(self, live: Scorer, beside: Beside, also_reads: Sequence[str] = ()) -> None:
        self._live = live
        self.beside = beside
        self.kind = live.kind
        self.reads = tuple(sorted({*live.reads, *beside.reads, *also_reads}))

    @property
    def model(self) -> Mapping[str, Any] | None:
        """Return the model block of the proposing scorer."""
        return self._live.model

    def score(self, batch: Sequence[Question]) -> list[Answer]:
        """Answer every case of the batch, in order."""
        return self.beside.complete(batch, self._live.score(batch))


class RemotePanel:
    """A scorer on another machine with what stands beside it here."""

    def __init__(self, live: RemoteScorer, beside: Beside, also_reads: Sequence[str] = ()) -> None:
        self._live = live
        self.beside = beside
        self.kind = live.kind
        self.reads = tuple(sorted({*live.reads, *beside.reads, *also_reads}))
        self.limit_seconds = live.limit_seconds

    @property
    def model(self) -> Mapping[str, Any] | None:
        """Return the model block of the proposing scorer."""
        return self._live.model

    async def score(self, batch: Sequence[Question]) -> list[Answer]:
        """Answer every case of the batch, in order."""
        return self.beside.complete(batch, await self._live.score(batch))

    async def aclose(self) -> None:
        """Close connections."""
        await self._live.aclose()


def _opinion(answer: Answer) -> Opinion:
    return Opinion(answer.proposal["outcome"] if isinstance(answer, Scored) else None)

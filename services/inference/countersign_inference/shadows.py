"""Shadow models: asked about the same cases beside the live one, without effect on any of them."""

import asyncio
import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from countersign_inference.answering import Answering
from countersign_inference.domain.scoring import Abstained, Answer, AnyScorer, Question
from countersign_shared.observability import Metrics

log = logging.getLogger(__name__)


class Shadows:
    """Asks each shadow in the background, one batch at a time; what comes meanwhile is skipped and counted.

    So a slow shadow delays nobody and holds one batch in memory. The tally is since the start of this process.
    """

    def __init__(self, shadows: Mapping[str, Sequence[AnyScorer]], *, timeout_seconds: float, metrics: Metrics) -> None:
        self._names = {
            decision_type: [_named(scorer, place) for place, scorer in enumerate(scorers)]
            for decision_type, scorers in shadows.items()
        }
        by_key = {
            f"{decision_type}/{name}": scorer
            for decision_type, scorers in shadows.items()
            for name, scorer in zip(self._names[decision_type], scorers, strict=True)
        }
        self._answering = Answering(by_key, timeout_seconds=timeout_seconds)
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._tallies: dict[str, Counter[str]] = {key: Counter() for key in by_key}
        self._metrics = metrics

    def watch(self, decision_type: str, questions: Sequence[Question], answers: Sequence[Answer]) -> None:
        """Begin to ask the shadows of a type what the live model has just answered; returns at once."""
        for name in self._names.get(decision_type, ()):
            key = f"{decision_type}/{name}"
            running = self._tasks.get(key)
            if running is not None and not running.done():
                self._count(key, name, Counter(skipped=len(questions)))
                continue
            self._tasks[key] = asyncio.create_task(self._compare(key, name, questions, answers))

    def report(self, decision_type: str) -> list[dict[str, Any]]:
        """Return per shadow how often it agreed with the live answer, differed, abstained or was skipped."""
        return [
            {"name": name, **dict(sorted(self._tallies[f"{decision_type}/{name}"].items()))}
            for name in self._names.get(decision_type, ())
        ]

    async def settled(self) -> None:
        """Wait for what is being asked."""
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def aclose(self) -> None:
        """Give up what is being asked."""
        for task in self._tasks.values():
            task.cancel()
        await self.settled()

    async def _compare(self, key: str, name: str, questions: Sequence[Question], answers: Sequence[Answer]) -> None:
        shadow = await self._answering.ask(key, questions)
        found = Counter(_relation(live, other) for live, other in zip(answers, shadow.answers, strict=True))
        self._count(key, name, found)

    def _count(self, key: str, name: str, found: Counter[str]) -> None:
        self._tallies[key].update(found)
        for relation, count in found.items():
            self._metrics.counter("scorer_requests_total").labels(model=name, result=f"shadow_{relation}").inc(count)


def _relation(live: Answer, shadow: Answer) -> str:
    if isinstance(shadow, Abstained):
        return "abstained"
    if isinstance(live, Abstained):
        return "alone"
    return "agreed" if live.proposal["outcome"] == shadow.proposal["outcome"] else "differed"


def _named(scorer: AnyScorer, place: int) -> str:
    model = scorer.model or {"name": f"{scorer.kind}-{place + 1}", "version": ""}
    return f"{model['name']} {model['version']}".strip()

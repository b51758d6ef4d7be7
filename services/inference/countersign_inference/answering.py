"""Asking scorers without trusting them: off the event loop, with a time-out, and every failure an abstention."""

import asyncio
import inspect
import logging
import threading
import time
import weakref
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any, NamedTuple

from countersign_inference.domain.scoring import Abstained, Answer, AnyScorer, Question, Scorer

log = logging.getLogger(__name__)

GRACE_SECONDS = 1.0
"""A remote scorer keeps its own time; this much later it is cut off."""


class Answers(NamedTuple):
    """A scorer's answers to a batch, how long it took over the whole of it, and exactly which model spoke."""

    answers: Sequence[Answer]
    latency_ms: float
    model: Mapping[str, Any] | None = None


class Answering:
    """Asks the scorer of a decision type; at most one batch per model runs at a time."""

    def __init__(self, scorers: Mapping[str, AnyScorer], *, timeout_seconds: float) -> None:
        self._scorers = scorers
        self._remote = frozenset(name for name, one in scorers.items() if inspect.iscoroutinefunction(one.score))
        self._timeout = timeout_seconds
        self._running: dict[str, Future[list[Answer]]] = {}
        self._workers: dict[str, _Worker] = {}

    async def ask(self, decision_type: str, questions: Sequence[Question]) -> Answers:
        """Return one answer per question. Never raises for what a scorer does: failing means abstaining."""
        started = time.perf_counter()
        answers = await self._ask(decision_type, questions)
        latency_ms = round((time.perf_counter() - started) * 1000, 3)
        return Answers(answers, latency_ms, self._scorers[decision_type].model)

    async def _ask(self, decision_type: str, questions: Sequence[Question]) -> Sequence[Answer]:
        earlier = self._running.get(decision_type)
        if earlier is not None and not earlier.done():
            return [Abstained("timeout", "the model is still busy with an earlier batch")] * len(questions)
        try:
            answers = await self._scored(decision_type, questions)
        except TimeoutError:
            log.error("the model of %s took longer than %g s over a batch", decision_type, self._timeout)  # noqa: TRY400
            return [Abstained("timeout", f"no answer within {self._timeout:g} s")] * len(questions)
        except Exception as error:
            # Whatever a model raises, its cases go to people and the others go on.
            log.exception("the model of %s failed on %d cases", decision_type, len(questions))
            return [Abstained("model_error", type(error).__name__)] * len(questions)
        if len(answers) != len(questions):
            log.error("the model of %s gave %d answers to %d cases", decision_type, len(answers), len(questions))
            return [Abstained("model_error", "the model did not answer every case")] * len(questions)
        return [self._sound(decision_type, answer) for answer in answers]

    def _sound(self, decision_type: str, answer: Answer) -> Answer:
        """Return the answer, or an abstention where its confidence is no probability: no event could hold that."""
        if isinstance(answer, Abstained) or 0.0 <= answer.proposal["confidence"] <= 1.0:
            return answer
        log.error("the model of %s gave a case the confidence %r", decision_type, answer.proposal["confidence"])
        return Abstained("model_error", "the model gave no confidence")

    async def _scored(self, decision_type: str, questions: Sequence[Question]) -> Sequence[Answer]:
        scorer: Any = self._scorers[decision_type]
        if decision_type in self._remote:
            remote: Sequence[Answer] = await asyncio.wait_for(
                scorer.score(questions), scorer.limit_seconds + GRACE_SECONDS
            )
            return remote
        if not scorer.off_loop:
            here: Sequence[Answer] = scorer.score(questions)
            return here
        if decision_type not in self._workers:
            self._workers[decision_type] = _Worker(scorer)
        running = self._workers[decision_type].score(questions)
        self._running[decision_type] = running
        # Shielded: a thread cannot be stopped, and only its end lets the next batch in.
        return await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(running)), self._timeout)


_Batches = SimpleQueue[tuple[Sequence[Question], "Future[list[Answer]]"] | None]


class _Worker:
    """A thread that asks one scorer, batch after batch, until nobody holds the worker any more.

    A daemon and no pool: the interpreter joins pool threads at exit, so a model that hangs would keep a process alive
    that was told to end. Kept between batches: a new thread, with what the models' libraries set up in each, costs more
    than scoring a few cases.
    """

    def __init__(self, scorer: Scorer) -> None:
        self._batches: _Batches = SimpleQueue()
        weakref.finalize(self, self._batches.put, None)
        threading.Thread(target=_work, args=(scorer, self._batches), name="scorer", daemon=True).start()

    def score(self, questions: Sequence[Question]) -> "Future[list[Answer]]":
        """Hand a batch over; the future holds its answers, or what the scorer raised."""
        future: Future[list[Answer]] = Future()
        self._batches.put((questions, future))
        return future


def _work(scorer: Scorer, batches: _Batches) -> None:
    while (batch := batches.get()) is not None:
        questions, future = batch
        try:
            future.set_result(scorer.score(questions))
        except Exception as error:  # noqa: BLE001 - handed to whoever awaits the future
            future.set_exception(error)
        # What was scored must not be held until the next batch comes.
        del batch, questions, future

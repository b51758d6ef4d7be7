"""An error is an abstention, never a guess."""

from __future__ import annotations

import asyncio
import math
import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from countersign_inference.answering import Answering
from countersign_inference.domain.proposals import DisagreementError
from countersign_inference.domain.scoring import Abstained, Question, Scored

QUESTIONS = [Question({"n": n}) for n in range(3)]
GOOD = Scored({"outcome": "approve", "confidence": 0.9}, {"value": 0.9}, {"value": 0.5})


class Model:
    """A scorer that does as it is told."""

    kind, model, reads, off_loop = "test", None, (), True

    def __init__(self, act, *, off_loop: bool = True) -> None:
        self._act = act
        self.off_loop = off_loop

    def score(self, batch):
        return self._act(batch)


def asking(act, *, seconds: float = 5.0, off_loop: bool = True) -> Answering:
    return Answering({"t": Model(act, off_loop=off_loop)}, timeout_seconds=seconds)


def raising(error: BaseException):
    def act(_batch):
        raise error

    return act


async def test_good_answers_pass_and_time_is_measured():
    answers = await asking(lambda batch: [GOOD] * len(batch)).ask("t", QUESTIONS)
    assert list(answers.answers) == [GOOD] * 3
    assert answers.latency_ms > 0


@pytest.mark.parametrize("confidence", [math.nan, math.inf, -0.1, 1.1])
async def test_a_confidence_that_is_none_abstains_and_the_other_cases_go_on(confidence):
    wrong = GOOD._replace(proposal={"outcome": "approve", "confidence": confidence})
    answers = await asking(lambda _batch: [GOOD, wrong, GOOD]).ask("t", QUESTIONS)
    assert list(answers.answers) == [GOOD, Abstained("model_error", "the model gave no confidence"), GOOD]


@pytest.mark.parametrize("off_loop", [True, False])
@pytest.mark.parametrize(
    "error",
    [ValueError("x"), RuntimeError("x"), KeyError("x"), MemoryError(), ZeroDivisionError(), DisagreementError()],
)
async def test_whatever_a_model_raises_becomes_an_abstention_of_every_case(error, off_loop):
    answers = await asking(raising(error), off_loop=off_loop).ask("t", QUESTIONS)
    assert list(answers.answers) == [Abstained("model_error", type(error).__name__)] * 3


@given(count=st.integers(0, 6).filter(lambda n: n != 3))
@settings(max_examples=10)
def test_answers_that_do_not_match_the_cases_are_given_to_none(count):
    answers = asyncio.run(asking(lambda _: [GOOD] * count).ask("t", QUESTIONS)).answers
    assert {answer.reason for answer in answers} == {"model_error"}
    assert len(answers) == 3


async def test_a_model_that_hangs_abstains_and_keeps_no_later_batch_waiting():
    release = threading.Event()

    def hang(batch):
        release.wait(10)
        return [GOOD] * len(batch)

    answering = asking(hang, seconds=0.05)
    assert {answer.reason for answer in (await answering.ask("t", QUESTIONS)).answers} == {"timeout"}
    # Were the second to wait for the first, it would have all the time it needs to come out right.
    answering._timeout = 60.0
    assert {answer.reason for answer in (await answering.ask("t", QUESTIONS)).answers} == {"timeout"}
    release.set()
    async with asyncio.timeout(20):
        while (await answering.ask("t", QUESTIONS)).answers[0] != GOOD:
            await asyncio.sleep(0.01)


async def test_scoring_does_not_block_the_event_loop():
    answering = asking(lambda batch: (time.sleep(0.2), [GOOD] * len(batch))[1])
    asked = asyncio.create_task(answering.ask("t", QUESTIONS))
    beats = 0
    while not asked.done():
        await asyncio.sleep(0.01)
        beats += 1
    assert beats > 5


async def test_one_thread_asks_a_model_and_ends_when_nobody_can_ask_any_more():
    threads = []

    def act(batch):
        threads.append(threading.current_thread())
        return [GOOD] * len(batch)

    answering = asking(act)
    for _ in range(3):
        assert (await answering.ask("t", QUESTIONS)).answers == [GOOD] * 3
    assert len(set(threads)) == 1
    assert threads[0] is not threading.current_thread()
    del answering
    threads[0].join(5)
    assert not threads[0].is_alive()

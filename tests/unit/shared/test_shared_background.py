"""What runs beside a service ends with it, even when the database is lost in the same moment."""

import asyncio
import contextlib

import pytest

from countersign_shared.background import beside, cancelled


class LostError(ConnectionError):
    pass


class Follower:
    """Outlives lost connections, as a relay does: what its clean-up raises takes the place of a cancellation."""

    def __init__(self, losses):
        self.losses = losses
        self.looked = 0

    async def run(self):
        while True:
            with contextlib.suppress(LostError):
                try:
                    self.looked += 1
                    await asyncio.sleep(60)
                finally:
                    if self.losses:
                        self.losses -= 1
                        raise LostError


@pytest.mark.parametrize("losses", [0, 1, 3])
async def test_a_cancellation_that_got_lost_is_given_again(losses, monkeypatch):
    monkeypatch.setattr("countersign_shared.background.AGAIN_SECONDS", 0.01)
    follower = Follower(losses)
    async with asyncio.timeout(10), beside(follower.run(), fail=pytest.fail):
        await asyncio.sleep(0)
    assert follower.looked == losses + 1


async def test_what_ends_the_work_is_told_and_the_rest_ends_with_the_block():
    told = []

    async def fails():
        raise LostError

    async with beside(fails(), asyncio.sleep(60), fail=told.append):
        await asyncio.sleep(0.01)
        assert [type(error) for error in told] == [LostError]


async def test_whoever_waits_for_the_end_can_be_cancelled(monkeypatch):
    monkeypatch.setattr("countersign_shared.background.AGAIN_SECONDS", 0.01)
    task = asyncio.create_task(Follower(2).run())
    await asyncio.sleep(0)
    waiting = asyncio.create_task(cancelled(task))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await cancelled(task)
    assert task.done()

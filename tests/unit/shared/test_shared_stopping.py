"""A client that cannot stop must not keep its process: an orchestrator would have to kill it."""

import asyncio
import contextlib
import logging

import pytest

from countersign_shared.messaging.stopping import stopped


async def for_ever():
    await asyncio.Event().wait()


async def failing():
    raise ConnectionError("the broker is gone")


async def let_out():
    raise asyncio.CancelledError


async def clean():
    await asyncio.sleep(0)


async def deaf():
    while True:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(0.3)
            return


@pytest.mark.parametrize(
    ("stop", "said"),
    [
        (clean, None),
        (failing, "the consumer did not stop cleanly: ConnectionError('the broker is gone')"),
        # The cancellation of the library's own tasks, which is not ours.
        (let_out, None),
        (for_ever, "the consumer did not stop within 0.05 s; its connections are closed under it"),
        (deaf, "the consumer did not stop within 0.05 s; its connections are closed under it"),
    ],
)
async def test_whatever_a_client_does_at_its_end_the_process_goes_on_to_its_own(stop, said, caplog):
    caplog.set_level(logging.WARNING)
    async with asyncio.timeout(10):
        await stopped(stop(), "the consumer", of=None, seconds=0.05)
    assert caplog.messages == ([] if said is None else [said])


async def test_who_is_cancelled_while_waiting_is_cancelled():
    waiting = asyncio.create_task(stopped(for_ever(), "the consumer", of=None))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting

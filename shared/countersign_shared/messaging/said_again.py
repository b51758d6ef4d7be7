"""Said again at a start: the newest event of everything that a compacted topic keeps, exactly as it was."""

from collections.abc import Awaitable, Callable, Sequence

from countersign_shared.messaging.records import Message


async def say_again(
    present: Callable[[], Awaitable[Sequence[Message]]], publish: Callable[[Sequence[Message]], Awaitable[None]]
) -> None:
    """Publish what is ``present``, so that a broker that forgot learns it again.

    What another replica changes meanwhile may have left before ours, and the last event of a key is the one that the
    topic keeps: so what has changed is said once more.
    """
    said: list[Message] = []
    while (now := list(await present())) != said:
        await publish([one for one in now if one not in said])
        said = now

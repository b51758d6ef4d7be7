"""What a start says of the controls again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from countersign_router.app import say_controls
from countersign_router.store import ControlKey, Store
from countersign_shared.messaging.records import Message, pack_headers

STOP, PEAK = ControlKey("stop", "*", "*"), ControlKey("peak", "*", "*")


class Table:
    """The controls, one of which another replica changes after they have been read for the first time."""

    def __init__(self) -> None:
        self.revisions = {STOP: b"5", PEAK: b"1", ControlKey("trip", "*", "*"): b"1"}

    async def controls(self) -> list[tuple[ControlKey, bytes, bytes]]:
        found = [(key, pack_headers([]), body) for key, body in self.revisions.items()]
        self.revisions[STOP] = b"6"
        return found


async def test_a_control_that_changes_while_it_is_said_again_has_the_last_word() -> None:
    said: list[tuple[bytes, bytes]] = []

    async def publish(messages: Sequence[Message]) -> None:
        said.extend((one.key, one.value) for one in messages)

    await say_controls(cast("Store", Table()), publish)
    assert said == [(b"stop|*|*|*", b"5"), (b"peak|*|*|*", b"1"), (b"stop|*|*|*", b"6")]

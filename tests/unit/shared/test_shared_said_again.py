"""What a start says again of what a compacted topic keeps."""

from __future__ import annotations

from collections.abc import Sequence

from countersign_shared.messaging.records import Message
from countersign_shared.messaging.said_again import say_again


class Table:
    """Three events, one of which another replica changes after they have been read for the first time."""

    def __init__(self) -> None:
        self.revisions = {b"stop": b"5", b"peak": b"1", b"trip": b"1"}

    async def present(self) -> list[Message]:
        found = [Message("control.changed", None, key, body, ()) for key, body in self.revisions.items()]
        self.revisions[b"stop"] = b"6"
        return found


async def test_what_changes_while_it_is_said_again_has_the_last_word() -> None:
    said: list[tuple[bytes, bytes]] = []

    async def publish(messages: Sequence[Message]) -> None:
        said.extend((one.key, one.value) for one in messages)

    await say_again(Table().present, publish)
    assert said == [(b"stop", b"5"), (b"peak", b"1"), (b"trip", b"1"), (b"stop", b"6")]

"""The controls as they stood at any moment."""

from bisect import bisect_right
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import orjson

from countersign_router.domain.controls import Controls, read_controls


class PastControl(NamedTuple):
    """A state that a control has had: when it came into force, the parts of its key, and its event's body."""

    changed_at: datetime
    key: tuple[str, str, str, str]
    body: bytes


class ControlHistory:
    """Answers what was in force when. ``past`` is every state of every control, oldest first."""

    def __init__(self, past: Sequence[PastControl]) -> None:
        self._past = past
        self._moments = [one.changed_at for one in past]
        self._read: dict[int, Controls] = {}

    def at(self, moment: datetime) -> Controls:
        """Return the controls that a batch routed at this moment had read.

        A change waits for the batches in flight and takes its time after them, so a batch without it is older.
        """
        count = bisect_right(self._moments, moment)
        if count not in self._read:
            newest = {one.key: one.body for one in self._past[:count]}
            self._read[count] = read_controls([orjson.loads(body) for body in newest.values()])
        return self._read[count]

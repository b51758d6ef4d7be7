"""Topics that somebody deleted and made anew: their offsets begin again, and the broker forgets where groups stood."""

import logging
from collections.abc import Iterable, Sequence
from typing import Any

from countersign_audit.domain.lineage import TOPIC_RECREATED
from countersign_audit.own_entries import topic_recreated_leaf
from countersign_audit.store import SQL
from countersign_audit.writing.writer import LogWriter
from countersign_shared.clock import Clock, rfc3339
from countersign_shared.messaging import Record
from countersign_shared.messaging.positions import Position
from countersign_shared.postgres.queries import Queries

log = logging.getLogger(__name__)

PASSED_BY_ALL = ("case.created", "case.scored", "case.routed", "decision.made")
"""Topics that every case passes, and whose entries are called like them: a log has some early on."""


class RecreatedTopics:
    """Puts on the record that a topic was made anew. Nothing is lost by that but what the old one held unread."""

    def __init__(self, writer: LogWriter, clock: Clock) -> None:
        self._writer = writer
        self._clock = clock
        self._queries = Queries.load(SQL / "upkeep.sql")
        self._stood: dict[tuple[str, int], int] = {}

    async def begin(self, pool: Any, positions: Sequence[Position]) -> list[str]:
        """At a start: the group stands nowhere in a topic of which the log has entries; returns those topics.

        A group that stands nowhere at all was forgotten after a week without members, or reads another cluster.
        """
        standing = {one.topic for one in positions if one.committed is not None}
        asked = {one.topic for one in positions} - standing if standing else set()
        anew = []
        for topic in sorted(asked.intersection(PASSED_BY_ALL)):
            if await pool.fetchval(self._queries.has_kind, topic):
                await self._say(topic)
                anew.append(topic)
        self._note(positions)
        return anew

    async def look(self, positions: Sequence[Position]) -> list[str]:
        """While records are read: the group stands nowhere any more, or further back than it did; returns where."""
        back = sorted(
            {one.topic for one in positions if (one.committed or 0) < self._stood.get((one.topic, one.partition), 0)}
        )
        for topic in back:
            await self._say(topic)
        # The broker forgets one partition after the other: what it still knows of such a topic is of the old one.
        self._note(one for one in positions if one.topic not in back)
        return back

    async def follow(self, records: Iterable[Record]) -> None:
        """Among what is delivered: a first record, where the group had stood beyond it."""
        for topic in sorted({
            one.topic for one in records if one.offset == 0 and self._stood.get((one.topic, one.partition))
        }):  # fmt: skip
            await self._say(topic)

    def _note(self, positions: Iterable[Position]) -> None:
        self._stood.update({(one.topic, one.partition): one.committed for one in positions if one.committed})

    async def _say(self, topic: str) -> None:
        stood, self._stood = self._stood, {place: at for place, at in self._stood.items() if place[0] != topic}
        now = self._clock()
        leaf = topic_recreated_leaf(topic=topic, occurred_at=rfc3339(now))
        try:
            index = await self._writer.append_own(leaf, TOPIC_RECREATED, now)
        except BaseException:
            # Not said, so it has to be noticed again.
            self._stood = stood | self._stood
            raise
        log.error("entry %d: the topic %s was made anew; what the old one held unread is not in the log", index, topic)

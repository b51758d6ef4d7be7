"""Offsets begin anew with a topic: what was said of the one before says nothing of the one that took its place."""

from __future__ import annotations

from pathlib import Path

from countersign_audit.watching.missing import Jump, MissingRecords
from countersign_shared.messaging.positions import Position
from countersign_shared.observability import Metrics
from tests.integration.audit.log import SteppingClock, open_log

TOPIC = "decision.made"


async def test_what_a_topic_lost_is_said_though_the_one_before_had_lost_the_same_offsets(
    database_url: str, tmp_path: Path
) -> None:
    now = [Position(TOPIC, 0, 0, 10)]

    async def read() -> list[Position]:
        return now

    async with open_log(database_url, tmp_path / "keys") as log:

        async def start() -> list[Jump]:
            return await MissingRecords(log.writer, read, SteppingClock(), Metrics("audit")).look(log.pool)

        assert await start() == [Jump(TOPIC, 0, 0, 10)]
        assert await start() == []
        # Made anew with its whole cluster, while audit was stopped.
        for position, lost in ((2, 6), Jump(TOPIC, 0, 2, 6)), ((0, 4), Jump(TOPIC, 0, 0, 4)):
            now[:] = [Position(TOPIC, 0, *position)]
            assert await start() == [lost]
            assert await start() == []
        kinds = await log.rows("SELECT kind FROM entries WHERE kind LIKE 'log.records%'")
        assert len(kinds) == 3
        report = await log.verify()
        assert report.ok, [str(one) for one in report.findings]


async def test_what_a_topic_made_anew_lost_before_anybody_stood_in_it_was_never_read(
    database_url: str, tmp_path: Path
) -> None:
    now = [Position(TOPIC, 0, 100, 0)]

    async def read() -> list[Position]:
        return now

    async with open_log(database_url, tmp_path / "keys") as log:
        missing = MissingRecords(log.writer, read, SteppingClock(), Metrics("audit"))
        assert await missing.look(log.pool) == []
        # The group stands nowhere any more, and the first five are gone.
        now[:] = [Position(TOPIC, 0, None, 5)]
        assert [await missing.look_again(log.pool) for _ in range(3)] == [[], [Jump(TOPIC, 0, 0, 5)], []]
        now[:] = [Position(TOPIC, 0, 5, 7)]
        assert [await missing.look_again(log.pool) for _ in range(3)] == [[], [Jump(TOPIC, 0, 5, 7)], []]

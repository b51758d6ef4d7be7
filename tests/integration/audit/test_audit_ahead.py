"""Batches that are made ready while others are written: the log is what it would have been."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime

import orjson

from tests.integration.audit.log import LOSE_THE_LOCK, LOST, Log
from tests.unit.audit.records import one_case


async def test_batches_read_ahead_share_a_commit_and_the_log_is_what_it_would_have_been(log: Log) -> None:
    cases = [one_case(f"c{number}", number=number) for number in range(40)]
    await log.add([cases[0][0]])
    assert not log.writer._repeats_likely
    batches = [log.handler.begin([case[step] for case in cases][step == 0 :]) for step in range(4)]
    await log.handler.finish(batches[:3])
    # The log says something about itself while a batch is ready that nobody has asked for yet.
    await log.writer.append_own(b'{"kind":"log.test"}', "log.test", datetime(2026, 1, 2, tzinfo=UTC))
    await log.handler.finish(batches[3:])
    assert await log.rows("SELECT count(*) FROM entries") == [(162,)]
    rows = await log.rows("SELECT index, leaf FROM entries WHERE case_ref IS NOT NULL ORDER BY index")
    newest: dict[str, int] = {}
    for row in rows:
        said = orjson.loads(row["leaf"])
        assert said.get("previous") == newest.get(said["case"])
        newest[said["case"]] = row["index"]
    assert await log.rows("SELECT count(*) FROM data_keys") == [(40,)]


async def test_a_repeat_among_batches_read_ahead_leaves_every_other_record_once(log: Log) -> None:
    await log.add(one_case("a"))
    batches = [log.handler.begin(records) for records in (one_case("b"), one_case("a"), one_case("c"), one_case("b"))]
    await log.handler.finish(batches[:2])
    await log.handler.finish(batches[2:])
    assert await log.count() == 13
    report = await log.verify()
    assert report.ok, [str(finding) for finding in report.findings]


async def test_a_batch_given_up_before_it_was_due_is_not_there_and_holds_up_none(log: Log) -> None:
    await log.add(one_case("a"))
    given_up = log.handler.begin(one_case("b"))
    due = log.handler.begin(one_case("c"))
    assert (await log.writer._assembly.ready(due.begun)).before == 9
    await log.handler.finish([due])
    assert await log.count() == 9
    assert given_up.begun.made is not None
    await log.add(one_case("b"))
    assert await log.count() == 13
    assert (await log.verify()).ok


async def test_a_session_lost_while_the_next_batch_is_ready_costs_no_record(log: Log) -> None:
    await log.add(one_case("a"))
    first, second = (log.handler.begin(one_case(name)) for name in "bc")
    await log.writer._assembly.ready(second.begun)
    await log.rows(LOSE_THE_LOCK)
    with suppress(*LOST):
        await log.handler.finish([first])
    await log.handler.finish([first])
    await log.handler.finish([second])
    assert await log.count() == 13
    assert (await log.verify()).ok


async def test_cases_are_looked_up_along_an_index_by_plans_made_while_the_tables_were_empty(log: Log) -> None:
    queries = log.writer._store._queries
    reader = await log.writer._session.reader()
    await reader.execute("SET plan_cache_mode = force_generic_plan")
    await reader.execute(f"PREPARE look_up (bytea[]) AS {queries.known_scopes}")
    plan = "\n".join(row[0] for row in await reader.fetch("EXPLAIN EXECUTE look_up ('{}')"))
    assert "Seq Scan" not in plan
    assert "data_keys_pkey" in plan

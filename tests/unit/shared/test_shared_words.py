"""Ids, times, queries, metrics and health: small and exact."""

import hashlib
import re
import uuid
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from countersign_shared.clock import parse_rfc3339, rfc3339
from countersign_shared.contracts.events.fields import RFC3339
from countersign_shared.ids import derived_event_id
from countersign_shared.messaging.producer import partition_for
from countersign_shared.observability import Health, Metrics
from countersign_shared.observability.definitions import DEFINITIONS
from countersign_shared.postgres import Queries

names = st.text(st.characters(codec="utf-8"), max_size=20)


@given(names, names, names, names)
def test_ids_are_stable_and_keep_their_parts_apart(a, b, c, d):
    assert derived_event_id(a, b, "scored") == derived_event_id(a, b, "scored")
    assert (derived_event_id(a, b, "s") == derived_event_id(c, d, "s")) == ((a, b) == (c, d))
    assert uuid.UUID(derived_event_id(a, b, "s")).version == 8


def test_an_id_never_changes():
    assert derived_event_id("default", "loan-1", "scored") == "a9308aac-080e-878f-a665-3cfa9e142cb7"
    many = [
        derived_event_id(tenant, f"loan-{number}", step, number)
        for tenant in ("default", "acme")
        for step in ("scored", "decided")
        for number in range(50)
    ]
    assert {uuid.UUID(one).variant for one in many} == {uuid.RFC_4122}
    assert hashlib.sha256("".join(many).encode()).hexdigest() == (
        "6bbb68722102d15035c253e3c905277cb88d2275728522273ee717fa569b7732"
    )


def test_times_carry_their_zone():
    moment = datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=timezone(timedelta(hours=2)))
    assert rfc3339(moment) == "2026-01-02T01:04:05.000006Z"
    assert parse_rfc3339("2026-01-02T01:04:05.000006Z") == moment
    with pytest.raises(ValueError, match="zone"):
        rfc3339(datetime(2026, 1, 2))  # noqa: DTZ001 - the refusal is the point
    with pytest.raises(ValueError, match="zone"):
        parse_rfc3339("2026-01-02T01:04:05")


ZONES = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(st.datetimes(min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30), timezones=ZONES))  # noqa: DTZ001
@example(datetime(999, 12, 31, 23, 59, 59, tzinfo=UTC))
def test_a_time_of_any_year_is_written_so_that_it_can_be_read_again(moment):
    written = rfc3339(moment)
    assert re.fullmatch(RFC3339, written)
    assert parse_rfc3339(written) == moment


def test_keys_go_where_java_clients_send_them():
    # Vectors of Kafka's own murmur2 tests (Utils.murmur2, toPositive).
    vectors = {b"21": -973932308, b"foobar": -790332482, b"a-little-bit-long-string": -985981536}
    for key, hashed in vectors.items():
        assert partition_for(key, 2**31) == hashed & 0x7FFFFFFF


def test_queries_are_found_by_name(tmp_path: Path):
    file = tmp_path / "q.sql"
    file.write_text("-- about\n-- name: one\n-- says one\nSELECT 1;\n\n-- name: two\nSELECT 2;\n", encoding="utf-8")
    queries = Queries.load(file)
    assert queries.names() == ("one", "two")
    assert queries.two == "SELECT 2;"
    with pytest.raises(AttributeError, match=r"q\.sql defines no query 'three'"):
        _ = queries.three


def test_metrics_are_a_closed_list():
    metrics = Metrics("router")
    metrics.counter("dead_letters_total").labels(service="router", reason="oversize").inc()
    assert b'countersign_dead_letters_total{reason="oversize",service="router"} 1.0' in metrics.exposition()
    with pytest.raises(KeyError):
        metrics.counter("made_up_total")
    with pytest.raises(KeyError):
        metrics.gauge("dead_letters_total")


def test_every_listed_metric_can_be_made():
    metrics = Metrics("x")
    for definition in DEFINITIONS:
        assert getattr(metrics, definition.kind)(definition.name)


def test_health_is_work_not_a_ping():
    now = [100.0]
    health = Health(lambda: now[0])
    health.polled(100.0)
    health.ready(True)
    assert health.is_ready()[0]
    now[0] += 61
    assert not health.live()[0]
    health.polled(now[0])
    assert health.live()[0]
    health.failed(RuntimeError("first"))
    health.failed(RuntimeError("second"))
    alive, details = health.live()
    assert not alive
    assert details["failure"] == "RuntimeError: first"

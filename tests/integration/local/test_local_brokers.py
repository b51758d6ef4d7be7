"""The embedded broker and the one from jars: what they promise, and that they end with whoever started them."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time

import psutil
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.consumer.fetcher import Fetcher

from countersign_local.errors import PartError, PartMissingError
from countersign_local.parts.java import kafka_runtime
from countersign_local.parts.kafka_jars import kafka
from countersign_local.parts.mock_broker import mock_broker
from countersign_shared.contracts.topics import load_topics
from countersign_shared.messaging import consumer, open_bus
from countersign_shared.messaging.pace import DOZE_MS, QUIET_AFTER_SECONDS
from countersign_shared.messaging.topics import ensure_topics
from countersign_shared.observability import Health, Metrics
from countersign_shared.settings import ServiceSettings


async def test_mock_broker_has_the_topics_it_was_given():
    with mock_broker({"case.created": 12, "control.changed": 1}) as broker:
        async with AIOKafkaProducer(bootstrap_servers=broker.bootstrap, enable_idempotence=True) as producer:
            assert len(await producer.partitions_for("case.created")) == 12
            assert len(await producer.partitions_for("control.changed")) == 1
    assert broker.process.poll() == 0


async def test_mock_broker_resumes_a_group_where_it_had_committed():
    with mock_broker({"words": 1}) as broker:
        async with AIOKafkaProducer(bootstrap_servers=broker.bootstrap, enable_idempotence=True) as producer:
            for word in (b"one", b"two"):
                await producer.send_and_wait("words", word)
        assert await _next_word(broker.bootstrap) == b"one"
        assert await _next_word(broker.bootstrap) == b"two"


async def _next_word(bootstrap):
    async with AIOKafkaConsumer(
        "words", bootstrap_servers=bootstrap, group_id="readers", enable_auto_commit=False, max_poll_records=1,
        session_timeout_ms=1000, heartbeat_interval_ms=200, auto_offset_reset="earliest",
        # The mock cluster loses whoever joins in the very moment in which another leaves; they ask again.
        request_timeout_ms=1500,
    ) as consumer:  # fmt: skip
        record = await consumer.getone()
        await consumer.commit()
        return record.value


async def test_a_service_asks_the_mock_broker_seldom_while_nothing_comes(monkeypatch):
    ask, asked, got = Fetcher._proc_fetch_request, [], asyncio.Event()

    async def counted(*args):
        asked.append(time.monotonic())
        return await ask(*args)

    async def take(_):
        got.set()
        return []

    monkeypatch.setattr(Fetcher, "_proc_fetch_request", counted)
    with mock_broker({topic.name: topic.partitions for topic in load_topics().values()}) as broker:
        settings = ServiceSettings(
            database_url="", kafka_bootstrap_servers=broker.bootstrap, http_port=0, broker="mock"
        )  # fmt: skip
        async with (
            open_bus(settings, service="listener", health=Health(), metrics=Metrics("listener")) as bus,
            bus.consume(("case.created",), take),
            AIOKafkaProducer(bootstrap_servers=broker.bootstrap) as producer,
        ):
            await asyncio.sleep(QUIET_AFTER_SECONDS + 0.5)
            before, began = len(asked), time.monotonic()
            await asyncio.sleep(2)
            assert 0 < len(asked) - before <= (time.monotonic() - began) * 1_000 / DOZE_MS + 2
            await producer.send_and_wait("case.created", b"{}", key=b"a")
            async with asyncio.timeout(20):
                await got.wait()


def test_mock_broker_ends_with_its_starter():
    script = """
        import signal
        from countersign_local.parts.mock_broker import mock_broker
        with mock_broker({"a": 1}) as broker:
            print(broker.process.pid, flush=True)
            signal.pause()
    """
    starter = subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE, text=True)
    assert starter.stdout is not None
    with starter.stdout as announced:
        broker = psutil.Process(int(announced.readline()))
    starter.send_signal(signal.SIGKILL)
    starter.wait()
    broker.wait(60)
    assert not broker.is_running()


def test_mock_broker_says_nothing_when_its_starter_ended_while_it_started():
    command = [sys.executable, "-m", "countersign_local.parts.mock_broker_process", '{"a": 1}']
    pipe = subprocess.PIPE
    broker = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe)
    assert broker.stdout is not None
    broker.stdout.close()
    broker.stdout = None
    assert broker.communicate(timeout=60) == (None, b"")
    assert broker.returncode == 0


@pytest.mark.kafka
async def test_real_broker_keeps_its_data_over_a_kill(kafka_broker, monkeypatch):
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka_broker.bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic("words", num_partitions=1, replication_factor=1)])
    await admin.close()
    async with AIOKafkaProducer(bootstrap_servers=kafka_broker.bootstrap, acks="all") as producer:
        await producer.send_and_wait("words", b"one")
    await _hears_that_it_is_gone(kafka_broker, monkeypatch)
    assert await _next_word(kafka_broker.bootstrap) == b"one"


async def _hears_that_it_is_gone(broker, monkeypatch):
    """Kill and restart the broker under a service that consumes: what the alert KafkaSilent watches says so."""
    monkeypatch.setattr(consumer, "METADATA_MS", 100)
    await ensure_topics(broker.bootstrap, partitions=1)
    health, settings = Health(), ServiceSettings(database_url="", kafka_bootstrap_servers=broker.bootstrap, http_port=0)

    async def nothing(_):
        return []

    async def until(holds):
        async with asyncio.timeout(30):
            while not holds(health.broker_silence_seconds()):
                await asyncio.sleep(0.01)

    async with (
        open_bus(settings, service="listener", health=health, metrics=Metrics("listener")) as bus,
        bus.consume(("case.created",), nothing),
    ):
        begun = time.monotonic()
        # It began at 0; a quiet topic does not let it grow for as long as the broker answers.
        await until(lambda silence: silence < 0.5 and time.monotonic() - begun > 1.0)
        broker.kill(1)
        await until(lambda silence: silence > 1.5)
        broker.start(1)
        await until(lambda silence: silence < 0.5)


def test_without_java_the_reason_says_what_to_install(tmp_path):
    with pytest.raises(PartMissingError, match="install a JRE"):
        kafka_runtime({"PATH": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)})


def test_without_maven_and_jars_the_reason_says_what_to_install(tmp_path, kafka_java):
    (tmp_path / "java").symlink_to(kafka_java)
    with pytest.raises(PartMissingError, match="install maven"):
        kafka_runtime({"PATH": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)})


@pytest.mark.timeout(180)
def test_a_broker_keeps_its_data_where_it_was_told_whatever_the_directory_is_called(tmp_path, kafka_java):
    home = tmp_path / "Zustand für \\ 日本 🗝" / "kafka"
    with kafka(home, environ=os.environ) as cluster:
        assert cluster.bootstrap
    assert (home / "broker-1" / "data" / "meta.properties").is_file()
    assert list(tmp_path.iterdir()) == [home.parent]


def test_nobody_else_on_the_machine_reads_what_lies_on_the_topics(tmp_path, kafka_java):
    earlier = tmp_path / "broker-1"
    earlier.mkdir(mode=0o755)
    with kafka(tmp_path, environ=os.environ):
        assert (earlier / "data" / "meta.properties").exists()
        assert earlier.stat().st_mode & 0o077 == 0


def test_a_directory_that_kafka_would_take_for_two_is_refused(tmp_path, kafka_java):
    with pytest.raises(PartError, match="comma"), kafka(tmp_path / "loans, 2026", environ=os.environ):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def kafka_java():
    java = shutil.which("java", path=os.environ.get("PATH"))
    if java is None:
        pytest.skip("no Java on this machine")
    return java

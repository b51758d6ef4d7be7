"""The main job, as a newcomer meets it: one command, whatever happens to it."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from countersign_local.demo.arrivals import with_posts
from tests.e2e.demo_process import DemoProcess, count
from tests.fixtures.memory import server_directory

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
# What a newcomer is promised, from nothing but an installation: database, keys and topics are made on the way.
FIRST_DECISION_SECONDS = 15.0


@pytest.fixture
def demo() -> Iterator[DemoProcess]:
    # pytest's own directories are closed to the account that PostgreSQL runs as when we are root.
    with server_directory() as name:
        process = DemoProcess(Path(name))
        yield process
        process.close()


def _assert_right(summary, loans):
    cases = with_posts(loans)
    assert summary["right"], summary
    assert summary["cases"] == summary["decided_once"] == summary["decided_once_on_record"] == cases
    assert (summary["undecided"], summary["decided_twice"], summary["forked"]) == (0, 0, 0)
    assert sum(kind["decisions"] for kind in summary["decisions"]) == cases
    assert summary["log"]["verified"]
    assert summary["log"]["entries"] == summary["log"]["size"] > 4 * cases


def test_after_kill_9_the_next_start_goes_on_and_doubles_nothing(demo, tmp_path):
    home, temporary = tmp_path / "home", tmp_path / "tmp"
    for kind, place in (("HOME", home), ("TMPDIR", temporary)):
        place.mkdir()
        demo.environment[kind] = str(place)
    demo.start("--headless", "--cases", "60", "--rate", "15")
    running = demo.running()
    demo.wait_for(lambda: count(running, "SELECT count(*) FROM local.decisions") >= 1)
    first = demo.seconds_alone()
    assert first < FIRST_DECISION_SECONDS
    print(f"first case decided {first:.1f} s after the command, less what others had of the machine")
    demo.wait_for(lambda: count(running, "SELECT count(*) FROM local.decisions") >= 15)
    # Loan applications and posts side by side, each judged by its own model and policy.
    demo.wait_for(lambda: count(running, "SELECT count(DISTINCT decision_type) FROM review.reviews") == 2)
    demo.end(signal.SIGKILL)
    assert not demo.left_over()
    summary = demo.finish("--cases", "60")
    assert summary["submitted_again"] > 0
    _assert_right(summary, 60)
    assert {kind["mode"] for kind in summary["decisions"]} >= {"automatic", "human_with_ai"}
    assert 0 < summary["first_case_decided_after_s"] < summary["seconds"]
    assert summary["log"]["payloads_opened"] == summary["log"]["entries"] - 1  # the genesis has none
    # All is in its own directory. What a library keeps elsewhere is what it means to send somebody.
    assert [*home.rglob("*"), *temporary.rglob("*")] == []


def test_ctrl_c_ends_everything_a_second_start_goes_on_and_a_third_brings_the_next_applications(demo):
    demo.start("--cases", "10", "--rate", "5")
    running = demo.running()
    second = demo.run("demo")
    assert second.returncode == 75
    assert f"already running, pid {running.pid}" in second.stderr
    demo.wait_for(lambda: count(running, "SELECT count(*) FROM local.decisions") >= 2)
    assert demo.end(signal.SIGINT) == 0
    assert not demo.left_over()
    _assert_right(demo.finish("--cases", "10"), 10)
    third = demo.finish("--cases", "5")
    _assert_right(third, 5)
    assert third["submitted_again"] == 0


def test_when_the_broker_dies_everything_ends_and_says_so(demo):
    demo.start("--cases", "0")
    demo.running()
    (broker,) = (
        child
        for child in psutil.Process(demo.process.pid).children()
        if "mock_broker_process" in " ".join(child.cmdline())
    )
    broker.kill()
    output, _ = demo.process.communicate(timeout=60)
    assert demo.process.returncode == 69
    assert "The embedded broker ended by itself" in output
    assert "Traceback" not in output


@pytest.mark.kafka
def test_on_a_real_broker_of_its_own(demo, kafka_bootstrap):
    summary = demo.finish("--cases", "20", "--broker", "kafka")
    _assert_right(summary, 20)
    assert summary["broker"] == "kafka"


@pytest.mark.kafka
def test_on_servers_that_are_there_already(demo, kafka_bootstrap, topic_prefix, database_url):
    demo.environment["TOPIC_PREFIX"] = topic_prefix
    summary = demo.finish("--cases", "10", "--kafka", kafka_bootstrap, "--database", database_url)
    _assert_right(summary, 10)

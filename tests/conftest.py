"""Fixtures for every test: real servers, unique names, and a count of what was skipped and why."""

from __future__ import annotations

import gc
import os
from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests.fixtures.common import release

# HYPOTHESIS_PROFILE=deep looks forty times harder; every run draws other examples anyway. No example is timed: a busy
# machine would fail tests by chance, and what time things take is measured in tests/bench.
UNTIMED = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("quick", max_examples=25, **UNTIMED)
settings.register_profile("deep", max_examples=1_000, **UNTIMED)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))

# A machine's proxies are for the world beyond it: what tests start is on it.
for _name in ("NO_PROXY", "no_proxy"):
    os.environ[_name] = ",".join(filter(None, (os.environ.get(_name), "127.0.0.1", "localhost")))

# Tens of thousands of objects are imported that stay: the collector need not walk them over and over.
gc.disable()

pytest_plugins = ["tests.fixtures.postgres", "tests.fixtures.kafka"]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    # Imported where several processes share the tests: in one, the plugin may be absent.
    from tests.fixtures.together import Together

    return Together(config, log) if config.getoption("dist") == "loadfile" else None


def pytest_collection_finish() -> None:
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    gc.enable()


def pytest_sessionfinish(session: pytest.Session) -> None:
    # Not a fixture's end: the process that started a server may wait long for the others, and no test's time covers it.
    release(session.config)


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reasons = Counter(
        report.longrepr[2].removeprefix("Skipped: ")
        for report in terminalreporter.stats.get("skipped", [])
        if isinstance(report.longrepr, tuple)
    )
    terminalreporter.section("skipped, by reason", sep="-")
    for reason, count in reasons.most_common():
        terminalreporter.write_line(f"{count:5}  {reason}")
    terminalreporter.write_line(f"{reasons.total():5}  in all")

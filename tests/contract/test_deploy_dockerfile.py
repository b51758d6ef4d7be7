"""The one Dockerfile: what can be said about it without an engine."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8")
SERVICES = ("inference", "router", "review", "audit", "feedback")
# Continued lines joined, comments dropped.
LINES = [line for line in re.sub(r"\\\n\s*", "", TEXT).splitlines() if line and not line.startswith("#")]


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_can_be_built(service: str) -> None:
    assert f"AS console-{service}\n" in TEXT
    assert (ROOT / "services" / service / f"countersign_{service}" / "__main__.py").is_file()


def test_what_is_copied_exists() -> None:
    for line in LINES:
        if line.startswith("COPY ") and "--from=" not in line:
            for source in line.split()[1:-1]:
                for service in SERVICES:
                    assert (ROOT / source.replace("${SERVICE}", service)).exists(), source


def test_the_ignore_file_lets_all_of_it_through() -> None:
    rules = (ROOT / "deploy" / "Dockerfile.dockerignore").read_text(encoding="utf-8").split("\n")
    assert "*" in rules
    kept = {rule[1:] for rule in rules if rule.startswith("!")}
    copied = {
        source.split("/")[0]
        for line in LINES
        if line.startswith("COPY ") and "--from=" not in line
        for source in line.split()[1:-1]
    }
    assert copied == kept


def test_it_runs_as_nobody_in_particular_and_hears_signals() -> None:
    final = LINES[max(n for n, line in enumerate(LINES) if line.startswith("FROM ")) :]
    users = [line for line in final if line.startswith("USER ")]
    assert users == ["USER countersign"]
    assert "--uid 10001" in TEXT
    assert final.index("USER countersign") > max(n for n, line in enumerate(final) if line.startswith("RUN "))
    assert final[-1] == 'CMD ["/bin/sh", "-c", "exec python -m countersign_${COUNTERSIGN_SERVICE}"]'


def test_versions_come_from_the_lock() -> None:
    assert "--build-constraints requirements.lock" in TEXT
    assert "--constraints requirements.lock" in TEXT
    assert "latest" not in TEXT
    assert "RUN npm ci" in LINES


def test_it_runs_the_python_that_the_project_asks_for() -> None:
    asked = re.search(r'requires-python = ">=(\d+\.\d+)"', (ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert asked
    assert f"ARG PYTHON={asked.group(1)}-" in TEXT

"""`countersign demo` as a user starts it: a process of its own, with a state directory of its own."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import psutil

from countersign_local.state import Running, find_running

START_SECONDS = 180.0


@dataclass
class DemoProcess:
    """Starts demos one after the other on the same state directory."""

    directory: Path
    process: subprocess.Popen[str] | None = None
    below: list[psutil.Process] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    began: tuple[float, float] = (0.0, 0.0)
    """When the last demo was started, and what all processors had done until then, in seconds."""

    def start(self, *options: str) -> None:
        """Start a demo with these options."""
        self.began = time.monotonic(), _busy_seconds()
        self.process = self._spawn("demo", "--port", "0", *options)

    def seconds_alone(self) -> float:
        """Return how long the demo has run, less the time for which other programs had the processors.

        On a machine that does nothing else, the time that has passed.
        """
        assert self.process is not None
        passed, busy = time.monotonic() - self.began[0], _busy_seconds() - self.began[1]
        top = psutil.Process(self.process.pid)
        # Parents last: a process that ends meanwhile is among its parent's children's times.
        own = sum(map(_spent, reversed((top, *top.children(recursive=True)))))
        return passed - max(0.0, busy - own) / (psutil.cpu_count() or 1)

    def finish(self, *options: str, timeout: float = 280.0) -> dict[str, Any]:
        """Run a headless demo to its end and return its summary."""
        done = self.run("demo", "--port", "0", "--headless", "--json", *options, timeout=timeout)
        assert done.stdout, done.stderr
        summary: dict[str, Any] = json.loads(done.stdout)
        assert done.returncode == (0 if summary["right"] else 1)
        return summary

    def run(
        self, *arguments: str, timeout: float = 180.0, given: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run one command to its end."""
        return subprocess.run(
            self._command(*arguments), capture_output=True, text=True, timeout=timeout, env=self._environment(),
            input=given, check=False,
        )  # fmt: skip

    def json(self, *arguments: str, given: str | None = None) -> Any:
        """Run one command that must succeed and return what it prints as JSON."""
        done = self.run(*arguments, "--json", given=given)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def running(self) -> Running:
        """Wait until the demo can be reached, and return how."""
        return self.wait_for(lambda: find_running(self.directory))

    def wait_for(self, found: Callable[[], Any], seconds: float = START_SECONDS) -> Any:
        """Wait until something is found; the demo must not end meanwhile."""
        assert self.process is not None
        deadline = time.monotonic() + seconds
        while not (value := found()):
            assert self.process.poll() is None, f"ended with {self.process.returncode}: {self._said()}"
            assert time.monotonic() < deadline, "waited in vain"
            time.sleep(0.1)
        return value

    def end(self, how: signal.Signals) -> int:
        """Send a signal, wait for the end and return the exit code."""
        assert self.process is not None
        self.below = psutil.Process(self.process.pid).children(recursive=True)
        self.process.send_signal(how)
        code = self.process.wait(120)
        self._said()
        return code

    def left_over(self) -> list[psutil.Process]:
        """Return what still runs of the last demo, after a minute's grace."""
        _, alive = psutil.wait_procs(self.below, timeout=60)
        return alive

    def close(self) -> None:
        """End whatever still runs."""
        if self.process is not None and self.process.poll() is None:
            self.end(signal.SIGKILL)

    def _said(self) -> str:
        assert self.process is not None
        if self.process.stdout is None or self.process.stdout.closed:
            return ""
        with self.process.stdout as output:
            return output.read()

    def _spawn(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self._command(*arguments), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env=self._environment(), start_new_session=True,
        )  # fmt: skip

    @staticmethod
    def _command(*arguments: str) -> list[str]:
        return [sys.executable, "-m", "countersign_local", *arguments]

    def _environment(self) -> dict[str, str]:
        named = ("PATH", "HOME", "JAVA_HOME", "XDG_CACHE_HOME")
        kept = {name: os.environ[name] for name in named if name in os.environ}
        return {**kept, "COUNTERSIGN_STATE_DIR": str(self.directory), **self.environment}


def _spent(process: psutil.Process) -> float:
    try:
        return sum(process.cpu_times()[:4])
    except psutil.NoSuchProcess:
        return 0.0


def _busy_seconds() -> float:
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - times.iowait - times.guest - times.guest_nice)


def count(running: Running, statement: str) -> int:
    """Ask the demo's database for one number."""

    async def ask() -> int:
        connection = await asyncpg.connect(running.database_url)
        try:
            return int(await connection.fetchval(statement))
        finally:
            await connection.close()

    return asyncio.run(ask())

"""`countersign stop on` in a terminal: the load first, then the question, then the stop."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

PREVIEW = "/api/router/v1/controls/stop/preview"
STOP = "/api/router/v1/controls/stop"
LOAD = {
    "hours": 4, "automatic_per_hour": 120.5, "people_per_hour": 10.0,
    "queues": [{"queue": "underwriting", "cases": 482, "per_hour": 120.5, "busiest_hour": 200}],
}  # fmt: skip
STOPPED = {"recent_total": 0, "recent_seconds": 60, "recent": []}


@dataclass
class System:
    """Answers as a running system would, and remembers what was asked."""

    url: str = ""
    asked: list[tuple[str, dict[str, object]]] = field(default_factory=list)


@pytest.fixture
def system() -> Iterator[System]:
    made = System()

    class Answers(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            made.asked.append((self.path, body))
            answer = json.dumps(LOAD if self.path == PREVIEW else STOPPED).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Answers) as server:
        made.url = f"http://127.0.0.1:{server.server_port}"
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        yield made
        server.shutdown()
        serving.join()


def stop(
    system: System, directory: Path, *options: str, typed: bytes | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the command; with something typed it has a terminal, otherwise it has none."""
    environment = {
        "PATH": os.environ["PATH"], "COUNTERSIGN_URL": system.url, "COUNTERSIGN_API_KEY": "cs_local_a_b",
        "XDG_STATE_HOME": str(directory), "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
    }  # fmt: skip
    keyboard, terminal = pty.openpty()
    try:
        if typed is not None:
            os.write(keyboard, typed)
        return subprocess.run(
            [sys.executable, "-m", "countersign_local", "stop", "on", "--reason", "wrong rates", *options],
            stdin=terminal if typed is not None else subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
            env=environment, check=False,
        )  # fmt: skip
    finally:
        os.close(keyboard)
        os.close(terminal)


def test_the_load_is_shown_before_anybody_confirms(system: System, tmp_path: Path) -> None:
    done = stop(system, tmp_path, "--tenant", "acme", typed=b"y\n")
    assert done.returncode == 0, done.stderr
    assert "120.5 cases an hour" in done.stdout
    assert "underwriting" in done.stdout
    assert "every case of tenant acme goes to a person" in done.stdout
    scope = {"scope": "tenant", "tenant": "acme", "decision_type": None}
    assert system.asked == [(PREVIEW, scope), (STOP, {**scope, "reason": "wrong rates"})]


def test_whoever_says_no_has_changed_nothing(system: System, tmp_path: Path) -> None:
    done = stop(system, tmp_path, typed=b"n\n")
    assert (done.returncode, [path for path, _ in system.asked]) == (1, [PREVIEW])
    assert "Nothing was changed" in done.stderr


def test_without_a_terminal_it_must_be_meant(system: System, tmp_path: Path) -> None:
    refused = stop(system, tmp_path)
    assert (refused.returncode, system.asked) == (2, [])
    assert "--yes" in refused.stderr
    assert stop(system, tmp_path, "--yes").returncode == 0
    assert [path for path, _ in system.asked] == [STOP], "in a hurry, nothing stands before the stop"

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
CONTROLS = "/api/router/v1/controls"
REQUEST = "5068f103-3022-4f69-beef-f31c15839ade"
RELEASE = f"{STOP}/release-requests"
CONFIRM = f"{RELEASE}/{REQUEST}/confirm"
MINE = "0c1f9b6e-3d1d-4a53-9a0e-0b0f6a7b5d11"
LOAD = {
    "hours": 4, "automatic_per_hour": 120.5, "people_per_hour": 10.0,
    "queues": [{"queue": "underwriting", "cases": 482, "per_hour": 120.5, "busiest_hour": 200}],
}  # fmt: skip
STOPPED = {"recent_total": 0, "recent_seconds": 60, "recent": []}


def switch(tenant: str, decision_type: str, *, active: bool) -> dict[str, object]:
    """A stop switch as the router tells of it."""
    return {
        "kind": "stop", "tenant": tenant, "decision_type": decision_type, "changed_at": "2026-03-02T09:15:00.000000Z",
        "changed_by": "p-lea", "state": {"active": active, "reason": "wrong rates"},
    }  # fmt: skip


def request(request_id: str, requested_by: str, tenant: str) -> dict[str, object]:
    """Somebody's wish that automation goes on, as the router tells of it."""
    return {
        "request_id": request_id, "tenant": tenant, "decision_type": "*", "requested_by": requested_by,
        "reason": "over",
    }  # fmt: skip


@dataclass
class System:
    """Answers as a running system would, and remembers what was asked."""

    url: str = ""
    asked: list[tuple[str, dict[str, object]]] = field(default_factory=list)
    refuses: dict[str, object] | None = None
    controls: dict[str, object] = field(default_factory=lambda: {"items": [], "release_requests": []})


@pytest.fixture
def system() -> Iterator[System]:
    made = System()

    class Answers(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"] or 0)) or b"{}")
            made.asked.append((self.path, body))
            answers = {
                PREVIEW: LOAD, STOP: STOPPED, CONFIRM: switch("*", "*", active=False),
                RELEASE: request(MINE, "p-ida", "acme"),
            }  # fmt: skip
            self._answer(answers[self.path])

        def do_GET(self) -> None:
            self._answer({CONTROLS: made.controls}[self.path])

        def _answer(self, value: object) -> None:
            answer = json.dumps(made.refuses or value).encode()
            self.send_response(404 if made.refuses else 200)
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
    """Run `stop on`."""
    return countersign(system, directory, "on", "--reason", "wrong rates", *options, typed=typed)


def countersign(
    system: System, directory: Path, *words: str, typed: bytes | None = None
) -> subprocess.CompletedProcess[str]:
    """Run `countersign stop`; with something typed it has a terminal, otherwise it has none."""
    environment = {
        "PATH": os.environ["PATH"], "COUNTERSIGN_URL": system.url, "COUNTERSIGN_API_KEY": "cs_local_a_b",
        "XDG_STATE_HOME": str(directory), "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
    }  # fmt: skip
    keyboard, terminal = pty.openpty()
    try:
        if typed is not None:
            os.write(keyboard, typed)
        return subprocess.run(
            [sys.executable, "-m", "countersign_local", "stop", *words],
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


def test_the_next_command_is_about_the_same_scope(system: System, tmp_path: Path) -> None:
    done = stop(system, tmp_path, "--tenant", "acme", "--decision-type", "refund", "--yes")
    assert "countersign stop off --tenant acme --decision-type refund --reason TEXT" in done.stdout


def test_a_type_that_nobody_declared_is_not_believed_to_be_stopped(system: System, tmp_path: Path) -> None:
    system.refuses = {"type": "urn:x/decision-type-unknown", "title": "Nothing was changed", "detail": "No refnud."}
    for options in (("--yes",), ()):
        done = stop(system, tmp_path, "--decision-type", "refnud", *options, typed=b"y\n")
        assert (done.returncode, done.stdout) == (1, "")
        assert "Nothing was changed (404 decision-type-unknown): No refnud." in done.stderr
    assert [path for path, _ in system.asked] == [STOP, PREVIEW]


def test_who_turns_one_switch_off_hears_what_is_stopped_still(system: System, tmp_path: Path) -> None:
    off = ("off", "--confirm", REQUEST)
    assert countersign(system, tmp_path, *off).stdout == "The stop of everything is off.\nAutomation goes on.\n"
    others = [switch("*", "*", active=False), switch("acme", "*", active=True), switch("acme", "refund", active=False)]
    system.controls["items"] = [*others, {"kind": "policy", "tenant": "acme", "decision_type": "refund", "state": {}}]
    said = countersign(system, tmp_path, *off).stdout
    assert "Automation goes on" not in said
    assert said.splitlines()[1:] == [
        "Still stopped: tenant acme, because: wrong rates", "  countersign stop off --tenant acme --reason TEXT",
    ]  # fmt: skip


def test_whoever_asks_second_is_told_that_they_may_confirm(system: System, tmp_path: Path) -> None:
    off = ("off", "--tenant", "acme", "--reason", "mended")
    asked = f"Asked. Somebody else confirms: countersign stop off --confirm {MINE}\n"
    system.controls["release_requests"] = [request(MINE, "p-ida", "acme"), request(REQUEST, "p-lea", "north")]
    assert countersign(system, tmp_path, *off).stdout == asked
    system.controls["release_requests"] = [request(MINE, "p-ida", "acme"), request(REQUEST, "p-lea", "acme")]
    assert countersign(system, tmp_path, *off).stdout == (
        f"{asked}p-lea has asked as well (over). You may be the second person:\n"
        f"  countersign stop off --confirm {REQUEST}\n"
    )


def test_the_switches_that_are_on_are_listed_with_who_asked_for_an_end(system: System, tmp_path: Path) -> None:
    assert countersign(system, tmp_path, "list").stdout == "No stop switch is on.\n"
    system.controls["items"] = [switch("acme", "refund", active=True), switch("*", "*", active=False)]
    system.controls["release_requests"] = [
        {"tenant": "acme", "decision_type": "refund", "request_id": REQUEST, "requested_by": "p-lea", "reason": "over"}
    ]
    said = countersign(system, tmp_path, "list").stdout
    assert "refund, tenant acme" in said
    assert "2026-03-02 09:15 UTC" in said
    assert "everything" not in said
    assert f"countersign stop off --confirm {REQUEST}" in said
    assert len(json.loads(countersign(system, tmp_path, "list", "--json").stdout)["stops"]) == 1

"""A port that was chosen for a server is still free when the server takes it."""

import secrets
import socket
from itertools import islice
from pathlib import Path

import pytest

from countersign_local.parts.processes import free_ports

RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")


@pytest.mark.skipif(not RANGE.exists(), reason="the kernel does not say which ports it gives away")
def test_no_connection_of_anybodys_is_given_a_port_that_was_chosen() -> None:
    first, last = map(int, RANGE.read_text(encoding="ascii").split())
    assert not [port for port in islice(free_ports(), 50) if first <= port <= last]


def test_a_port_that_is_taken_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        # As bad luck would have it, chosen first; then any.
        chosen = iter([port, 0])
        monkeypatch.setattr(secrets, "choice", lambda _: next(chosen))
        assert next(free_ports()) not in {0, port}
    assert next(chosen, None) is None

"""Child processes that never outlive this one, and how they are asked to end."""

from __future__ import annotations

import ctypes
import errno
import os
import pwd
import secrets
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from countersign_local.errors import PartError

_PR_SET_PDEATHSIG = 1
_FOR_CONNECTIONS = Path("/proc/sys/net/ipv4/ip_local_port_range")
_LOWEST_PORT = 10_000
"""Below it are the ports by which services are known."""


@dataclass(frozen=True, slots=True)
class Account:
    """The user a child runs as."""

    name: str
    uid: int
    gid: int


def unprivileged_account(environ: Mapping[str, str]) -> Account | None:
    """Whom to run as when we are root: who called sudo, else `postgres`, else `nobody`. None for an ordinary user.

    PostgreSQL refuses to run as root, and the account must be in the user database.
    """
    if (uid := os.geteuid()) != 0:
        if _entry(lambda: pwd.getpwuid(uid)) is None:
            raise PartError(f"PostgreSQL does not run here: user {uid} is not in the user database. Set DATABASE_URL.")
        return None
    for entry in _candidates(environ):
        if entry is not None and entry.pw_uid != 0:
            return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)
    raise PartError(
        "PostgreSQL does not run as root and there is no user `postgres` or `nobody`: add one, or set DATABASE_URL."
    )


def _candidates(environ: Mapping[str, str]) -> Iterator[pwd.struct_passwd | None]:
    if environ.get("SUDO_UID", "").isdecimal():
        yield _entry(lambda: pwd.getpwuid(int(environ["SUDO_UID"])))
    yield _entry(lambda: pwd.getpwnam("postgres"))
    yield _entry(lambda: pwd.getpwnam("nobody"))


def _entry(look_up: Callable[[], pwd.struct_passwd]) -> pwd.struct_passwd | None:
    try:
        return look_up()
    except KeyError:
        return None


def as_account(account: Account | None) -> dict[str, object]:
    """Arguments for `subprocess` to run as this account; `user=` alone would keep our groups."""
    if account is None:
        return {}
    return {"user": account.uid, "group": account.gid, "extra_groups": []}


def spawn(
    command: Sequence[str | Path],
    *,
    log: Path,
    env: Mapping[str, str],
    last_word: signal.Signals,
    account: Account | None = None,
) -> subprocess.Popen[bytes]:
    """Start a child in a session of its own, so that Ctrl-C reaches only us and we choose the order of the end.

    When this process dies without a chance to clean up (kill -9), Linux sends the child `last_word`. That promise hangs
    on the starting thread, so only the main thread may start children. Standard output and error go to `log`.
    """
    if threading.current_thread() is not threading.main_thread():
        raise PartError("Parts are started from the main thread: they would end together with any other thread.")
    with log.open("wb") as sink:
        try:
            child: subprocess.Popen[bytes] = subprocess.Popen(
                [str(word) for word in command],
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                env=dict(env),
                cwd="/",
                start_new_session=True,
                preexec_fn=_end_with_parent(last_word),  # noqa: PLW1509 - the main thread only; one prebuilt system call
                **as_account(account),  # type: ignore[call-overload]
            )
        except PermissionError as error:
            who = account.name if account else "this user"
            raise PartError(
                f"Cannot start {Path(command[0]).name} as {who} ({error.strerror}): start as an ordinary user instead."
            ) from error
    return child


def _end_with_parent(last_word: signal.Signals) -> Callable[[], None] | None:
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()

    def arm() -> None:
        prctl(_PR_SET_PDEATHSIG, int(last_word), 0, 0, 0)
        if os.getppid() != parent:  # it died in between
            os._exit(1)

    return arm


def end(process: subprocess.Popen[bytes], *, ask: signal.Signals, insist: signal.Signals, patience: float) -> None:
    """Ask a child to end; after `patience` seconds insist, and after as long again kill it."""
    for word in (ask, insist, signal.SIGKILL):
        if process.poll() is not None:
            return
        process.send_signal(word)
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            continue
    process.wait(patience)


def free_ports() -> Iterator[int]:
    """Loopback ports that were free a moment ago; take another one when somebody was faster.

    They are none of those that the kernel gives to connections, so no client of anybody's is that somebody.
    """
    ours = _left_by_the_kernel() or range(1)
    while True:
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", secrets.choice(ours)))
            except OSError as error:
                if error.errno == errno.EADDRINUSE:
                    continue
                raise
            port: int = probe.getsockname()[1]
        yield port


def _left_by_the_kernel() -> range:
    """Return the ports below those for connections; none where that is not said, or hardly any are left."""
    try:
        first = int(_FOR_CONNECTIONS.read_text(encoding="ascii").split()[0])
    except OSError:
        return range(0)
    return range(_LOWEST_PORT, first if first >= 2 * _LOWEST_PORT else _LOWEST_PORT)


def tail(log: Path, lines: int = 6) -> str:
    """Show the last lines of a part's log, for a message; empty when there is none."""
    if not log.exists():
        return ""
    return "\n".join(log.read_text(errors="replace", encoding="utf-8").splitlines()[-lines:])

"""The state directory: where local mode keeps everything, who holds it, and how others find what runs."""

import contextlib
import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Literal

from countersign_local.errors import CONFIGURATION, AlreadyRunningError, CommandError, PartError

_RUNNING_FILE = "running.json"
_LOCK_FILE = "lock"


OURS = frozenset({
    "api-key", "audit-anchors", "audit-keys", "binaries", "kafka", "postgres", "postgres.log", "postgres.password",
    "running.json", "running.new",
})  # fmt: skip
"""What local mode keeps in the state directory, beside the lock."""


@dataclass(frozen=True, slots=True)
class Running:
    """How to reach a running system. Kept in a file only its owner can read, for as long as it runs."""

    pid: int
    url: str
    api_key: str
    database_url: str
    kafka_bootstrap_servers: str
    broker: Literal["kafka", "mock"]
    topic_prefix: str = ""


def state_directory(environ: Mapping[str, str]) -> Path:
    """COUNTERSIGN_STATE_DIR; else /var/lib/countersign for root, whose home others cannot enter; else XDG's place.

    Where a user has no home, as in many containers, that is a ``CommandError``.
    """
    directory = known_state_directory(environ)
    if directory is None:
        raise CommandError("This user has no home directory: set COUNTERSIGN_STATE_DIR.", CONFIGURATION)
    return directory


def known_state_directory(environ: Mapping[str, str]) -> Path | None:
    """Return the state directory, None where there is no place for one, and so nothing that runs or is kept."""
    if named := environ.get("COUNTERSIGN_STATE_DIR"):
        return Path(named).absolute()
    if os.geteuid() == 0:
        return Path("/var/lib/countersign")
    try:
        above = Path(environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    except RuntimeError:
        return None
    return above.absolute() / "countersign"


@contextlib.contextmanager
def held(directory: Path) -> Iterator[None]:
    """Hold the directory for this process; AlreadyRunningError names the one that has it.

    The lock belongs to the process: nothing has to be cleaned up after a kill. What is made meanwhile, by our parts
    too, is for nobody else to write, whatever the umask was.
    """
    with _careful():
        try:
            _make(directory)
            lock = (directory / _LOCK_FILE).open("a+")
        except OSError as error:
            raise PartError(f"Cannot write to {directory} ({error.strerror}): set COUNTERSIGN_STATE_DIR.") from error
        with lock:
            _hold(lock, directory)
            yield


def _hold(lock: IO[str], directory: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        lock.seek(0)
        pid = lock.read().strip() or "unknown"
        raise AlreadyRunningError(
            f"Countersign is already running, pid {pid}, with its state in {directory}."
        ) from error
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()


@contextlib.contextmanager
def _careful() -> Iterator[None]:
    before = os.umask(0o022)
    os.umask(before | 0o022)
    try:
        yield
    finally:
        os.umask(before)


def _make(directory: Path) -> None:
    absent = [path for path in directory.parents if not path.exists()]
    directory.mkdir(parents=True, exist_ok=True)
    if os.geteuid() == 0:
        # PostgreSQL runs as another account then, which has to get through, whatever root's umask is.
        for path in absent:
            path.chmod(path.stat().st_mode | 0o011)


def forget(directory: Path) -> None:
    """Delete what earlier starts kept; what else lies in the directory is somebody's, and stays."""
    with held(directory):
        for path in (directory / name for name in OURS):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)


def kept_secret(path: Path) -> str | None:
    """Read a secret that an earlier start kept, None when there is none."""
    return path.read_text(encoding="utf-8").strip() if path.exists() else None


def keep_secret(path: Path, secret: str) -> None:
    """Write a secret for its owner's eyes only."""
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text(secret, encoding="utf-8")


@contextlib.contextmanager
def announced(directory: Path, running: Running) -> Iterator[None]:
    """Let other commands find this system until the end of the block."""
    path = directory / _RUNNING_FILE
    draft = path.with_suffix(".new")
    keep_secret(draft, json.dumps({**asdict(running), "began": _began(running.pid)}))
    draft.replace(path)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def find_running(directory: Path) -> Running | None:
    """Read how to reach the system that holds this directory; None when none runs.

    What a crash or another release left there is no system that runs, whoever has the number of its process by now.
    """
    try:
        kept = json.loads((directory / _RUNNING_FILE).read_text(encoding="utf-8"))
        began = kept.pop("began", None)
        found = Running(**kept)
        os.kill(found.pid, 0)
    except (FileNotFoundError, PermissionError, ProcessLookupError, ValueError, TypeError, AttributeError):
        return None
    return found if began == _began(found.pid) else None


def _began(pid: int) -> str | None:
    """Return what tells a process from every other that has had its number; None where the system does not say."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        told = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # Its name comes first, in brackets, and may hold any character; the twenty-second word says when it began.
    return f"{boot} {told.rpartition(')')[2].split()[19]}"

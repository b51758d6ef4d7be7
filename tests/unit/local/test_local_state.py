"""Who holds the state directory, and how others find what runs."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from countersign_local.cli.connection import api_key, system_url
from countersign_local.errors import CONFIGURATION, AlreadyRunningError, CommandError, PartError
from countersign_local.parts.processes import unprivileged_account
from countersign_local.state import Running, announced, find_running, forget, held, state_directory


def _running(pid):
    return Running(
        pid=pid, url="http://127.0.0.1:8100", api_key="cs_local_a_b", database_url="postgresql://x",
        kafka_bootstrap_servers="127.0.0.1:9", broker="mock",
    )  # fmt: skip


def test_the_second_one_learns_who_was_first(tmp_path):
    script = f"""
        import pathlib, sys
        from countersign_local.state import held
        with held(pathlib.Path({str(tmp_path)!r})):
            print("held", flush=True)
            sys.stdin.read()
    """
    first = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert first.stdout is not None
    assert first.stdin is not None
    assert first.stdout.readline() == "held\n"
    with pytest.raises(AlreadyRunningError, match=f"already running, pid {first.pid}"), held(tmp_path):
        pass
    first.kill()
    first.wait()
    first.stdout.close()
    first.stdin.close()
    with held(tmp_path):
        assert (tmp_path / "lock").read_text(encoding="utf-8") == str(os.getpid())


def test_a_fresh_start_forgets_what_is_ours_and_nothing_else(tmp_path):
    ours, others = (tmp_path / "postgres" / "data", tmp_path / "api-key"), (tmp_path / "photos", tmp_path / "letter")
    for directory, file in (ours, others):
        directory.mkdir(parents=True)
        (directory / "inside").touch()
        file.touch()
    forget(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["letter", "lock", "photos"]
    assert (tmp_path / "photos" / "inside").exists()


def test_a_running_system_is_found_and_then_forgotten(tmp_path):
    with announced(tmp_path, _running(os.getpid())):
        assert find_running(tmp_path) == _running(os.getpid())
        assert (tmp_path / "running.json").stat().st_mode & 0o077 == 0
    assert find_running(tmp_path) is None


def test_what_a_killed_system_left_is_not_believed(tmp_path):
    gone = subprocess.Popen(["true"])
    gone.wait()
    with announced(tmp_path, _running(gone.pid)):
        assert find_running(tmp_path) is None


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="this system does not say when a process began")
def test_a_process_that_got_the_number_of_a_killed_system_is_not_taken_for_it(tmp_path):
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as killed, announced(tmp_path, _running(killed.pid)):
        assert find_running(tmp_path) == _running(killed.pid)
        kept = tmp_path / "running.json"
        others = kept.read_text(encoding="utf-8").replace(f'"pid": {killed.pid},', f'"pid": {os.getpid()},')
        kept.write_text(others, encoding="utf-8")
        assert str(os.getpid()) in others
        assert find_running(tmp_path) is None


def test_a_named_directory_wins(tmp_path):
    assert state_directory({"COUNTERSIGN_STATE_DIR": str(tmp_path)}) == tmp_path


@pytest.fixture
def an_account_unknown_here(monkeypatch):
    """The number of an ordinary user that is in no user database, as containers may run a program."""
    monkeypatch.setattr(os, "geteuid", lambda: 54_321)
    monkeypatch.setattr(os, "getuid", lambda: 54_321)
    monkeypatch.delenv("HOME", raising=False)


@pytest.mark.usefixtures("an_account_unknown_here")
def test_who_has_no_home_is_told_what_to_set_instead():
    with pytest.raises(CommandError, match="COUNTERSIGN_STATE_DIR") as refused:
        state_directory({})
    assert refused.value.exit_code == CONFIGURATION
    assert state_directory({"XDG_STATE_HOME": "/state"}) == Path("/state/countersign")


@pytest.mark.usefixtures("an_account_unknown_here")
def test_a_system_elsewhere_is_asked_without_a_home(monkeypatch):
    for name in ("COUNTERSIGN_STATE_DIR", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COUNTERSIGN_URL", "https://countersign.example")
    monkeypatch.setenv("COUNTERSIGN_API_KEY", "cs_a_b")
    assert api_key(system_url()) == "cs_a_b"


@pytest.mark.usefixtures("an_account_unknown_here")
def test_who_is_in_no_user_database_is_told_why_no_postgresql_starts():
    with pytest.raises(PartError, match="54321 is not in the user database"):
        unprivileged_account({})


def test_what_is_kept_is_nobody_elses_to_write_whatever_the_umask(tmp_path):
    before = os.umask(0)
    try:
        with held(tmp_path / "above" / "state"):
            (tmp_path / "above" / "state" / "postgres.log").touch()
        (tmp_path / "mine").touch()
    finally:
        os.umask(before)
    assert (tmp_path / "mine").stat().st_mode & 0o777 == 0o666, "the umask is the caller's again"
    assert not [path for path in (tmp_path / "above").rglob("*") if path.stat().st_mode & 0o022]
    assert (tmp_path / "above").stat().st_mode & 0o022 == 0


@pytest.mark.skipif(os.geteuid() == 0, reason="root has a fixed place")
def test_an_ordinary_user_gets_the_place_xdg_names(tmp_path):
    assert state_directory({"XDG_STATE_HOME": str(tmp_path)}) == tmp_path / "countersign"

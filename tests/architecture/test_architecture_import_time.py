"""Law 4: importing connects nothing, reads no environment, writes no file and starts no thread."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.architecture.sources import MEMBERS, ROOT, modules

# Runs in a fresh interpreter. What a library does while *it* is imported is its own affair: a frame of the import
# system between it and us ends the search, and so does pydantic's look for plugins when the first model is made.
# What our own module bodies do otherwise, through whatever library, is ours.
WATCH = """
import importlib, json, os, sys, threading
names = json.load(sys.stdin)
found, ours = [], tuple(name.split(".")[0] for name in names)
watching = False

def by_us():
    frame = sys._getframe(2)
    while frame is not None:
        name = frame.f_globals.get("__name__", "")
        if frame.f_code.co_filename.startswith("<frozen importlib") or name == "pydantic.plugin._loader":
            return None
        if name.startswith("countersign_"):
            return f"{name}:{frame.f_lineno}"
        frame = frame.f_back
    return None

def note(what):
    place = by_us()
    if place:
        found.append(f"{place} {what}")

CONNECTIONS = ("socket.", "subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork")
CHANGES = ("os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.chmod", "os.putenv", "os.unsetenv")

def hook(event, arguments):
    if not watching:
        return
    if event.startswith(CONNECTIONS) or event.startswith(CHANGES):
        note(event)
    elif event == "open" and isinstance(arguments[0], str):
        note(f"opens {arguments[0]}")

class Environment(type(os.environ)):
    def __getitem__(self, key):
        note(f"reads ${key}")
        return super().__getitem__(key)
    def __iter__(self):
        note("reads the environment")
        return super().__iter__()
    def __contains__(self, key):
        note(f"asks for ${key}")
        return super().__contains__(key)
    def get(self, key, default=None):
        note(f"reads ${key}")
        return super().get(key, default)

os.environ.__class__ = Environment
sys.addaudithook(hook)
before = set(threading.enumerate())
watching = True
for name in names:
    importlib.import_module(name)
watching = False
found += [f"thread {thread.name} is running" for thread in set(threading.enumerate()) - before]
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def noted() -> list[str]:
    """What was noted while every member was imported, one after the other: a module's body runs once, whoever asks."""
    names = [module.name for module in modules() if not module.name.endswith("__main__")]
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", WATCH],
        input=json.dumps(names),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("member", MEMBERS)
def test_importing_does_no_work(member: str, noted: list[str]) -> None:
    assert [found for found in noted if found.startswith(f"countersign_{member}")] == []


def test_importing_everything_does_no_work_that_is_nobodys(noted: list[str]) -> None:
    assert noted == []


def test_a_command_starts_without_what_only_services_need() -> None:
    # Whoever types a command waits for what it imports: these took half a second of it.
    heavy = {"fastapi", "starlette", "faststream", "aiokafka", "asyncpg", "pydantic", "joserfc", "numpy", "scipy"}
    code = "import sys, countersign_local.cli.commands; print(*{name.split('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert heavy & set(done.stdout.split()) == set()


def test_the_watch_sees_what_it_watches_for(tmp_path) -> None:
    package = tmp_path / "countersign_naughty"
    package.mkdir()
    (package / "__init__.py").write_text(
        "import os, socket, threading\n"
        "os.environ.get('A')\n"
        "os.getenv('B')\n"
        "socket.socket().close()\n"
        "open(__file__).close()\n"
        "threading.Thread(target=threading.Event().wait, daemon=True).start()\n",
        encoding="utf-8",
    )
    done = subprocess.run(
        [sys.executable, "-c", WATCH],
        input=json.dumps(["countersign_naughty"]),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    found = " ".join(json.loads(done.stdout))
    for expected in ("reads $A", "reads $B", "socket.__new__", "opens ", "is running"):
        assert expected in found

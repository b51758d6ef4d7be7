"""Each member runs with what it declares and nothing else: installed alone into a fresh environment, from its wheel."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.architecture.sources import MEMBERS, ROOT, SERVICES, modules

# Modules that need an extra, and say so in their member's pyproject.toml.
BEHIND_AN_EXTRA = {"inference": ("countersign_inference.training",)}
NEEDS = {
    "shared": (), **dict.fromkeys(SERVICES, ("shared",)), "verifier": (), "local": ("shared", *SERVICES, "verifier")
}  # fmt: skip

IMPORT_ALL = """
import importlib, json, sys
for name in json.load(sys.stdin):
    importlib.import_module(name)
"""
CONTRACTS_CAME_ALONG = """
from countersign_shared.contracts.decision_types import load_decision_types
from countersign_shared.contracts.topics import contracts_dir, load_topics
assert "site-packages" in str(contracts_dir()), contracts_dir()
assert len(load_topics()) == 9 and load_decision_types()
"""
SAY_WHAT_WAS_IMPORTED = """
print(" ".join(sorted({name.split(".")[0] for name in sys.modules if name.startswith("countersign_")})))
"""


def uv() -> str:
    beside = Path(sys.executable).with_name("uv")
    found = str(beside) if beside.is_file() else shutil.which("uv")
    if found is None:
        pytest.skip("uv is not on this machine")
    return found


def run(*command: str, text: str = "", check: bool = True) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "VIRTUAL_ENV"}}
    done = subprocess.run(command, input=text, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0 or not check, done.stdout + done.stderr
    return done


@dataclass(frozen=True)
class Bench:
    """Every member's wheel, and the one place where they are put to the test one after the other."""

    wheels: dict[str, Path]
    venv: Path
    compiled: Path
    """What was compiled for a member is still good for the next: an installation keeps the times of its files."""

    def install(self, *members: str) -> None:
        """Make a fresh environment of these members and what they declare."""
        run(uv(), "venv", "--quiet", "--clear", "--python", sys.executable, str(self.venv))
        constraints = ("--constraints", str(ROOT / "requirements.lock"))
        wheels = [str(self.wheels[member]) for member in members]
        cached("pip", "install", "--quiet", "--python", str(self.venv / "bin" / "python"), *constraints, *wheels)

    def python(self, script: str, text: str) -> str:
        """Run a script there; returns what it prints."""
        python = str(self.venv / "bin" / "python")
        return run(python, "-I", "-W", "error", "-X", f"pycache_prefix={self.compiled}", "-c", script, text=text).stdout


def cached(*command: str) -> None:
    # What the lock names was installed here before, so it usually comes from the cache.
    if run(uv(), *command, "--offline", check=False).returncode:
        run(uv(), *command)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    place = tmp_path_factory.mktemp("alone")
    constraints = ("--build-constraints", str(ROOT / "requirements.lock"))
    wheels = {}
    for member, path in MEMBERS.items():
        # Without the workspace's sources, which would lend every member the others' source trees.
        built = place / member
        cached("build", "--quiet", "--wheel", "--no-sources", *constraints, "--out-dir", str(built), str(path))
        (wheels[member],) = built.glob("*.whl")
    return Bench(wheels, place / "venv", place / "compiled")


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("member", MEMBERS)
def test_member_stands_alone(member: str, bench: Bench) -> None:
    bench.install(*NEEDS[member], member)
    names = [
        module.name
        for module in modules()
        if module.member == member
        and not module.name.endswith("__main__")
        and not module.name.startswith(BEHIND_AN_EXTRA.get(member, ("-",)))
    ]
    # The offline verifier stands on nothing of ours at all.
    beneath = () if member == "verifier" else ("shared",)
    script = IMPORT_ALL + (CONTRACTS_CAME_ALONG if beneath else "") + SAY_WHAT_WAS_IMPORTED
    imported = set(bench.python(script, json.dumps(names)).split())
    expected = {f"countersign_{name}" for name in (member, *beneath)}
    assert imported <= expected | {f"countersign_{name}" for name in NEEDS[member]}
    assert expected <= imported

"""Two verifiers that are not ours: a program over the Go project's packages, and Tessera's `fsck`."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest

SOURCE = Path(__file__).with_name("go")
FSCK = "github.com/transparency-dev/tessera/cmd/fsck"
ACCEPTED_BY_FSCK = "Successfully fsck'd log"
WORKERS = 64
"""One worker that refuses leaves fsck waiting for ever when more than so many tiles are still to come."""


@dataclass(frozen=True)
class Strangers:
    """The built programs."""

    stranger: Path
    fsck: Path

    def go(
        self, directory: Path, vkey: str, *, old: Path | None = None, inclusion: int = 0, seconds: float = 60
    ) -> tuple[bool, str]:
        """Return whether the program over x/mod accepts a log, and what it says."""
        more = [*(["-old", str(old)] if old else []), "-inclusion", str(inclusion)]
        command = [str(self.stranger), "-vkey", vkey, *more, str(directory)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=seconds)
        assert done.returncode in {0, 1}, done.stderr
        return done.returncode == 0, done.stdout.strip()

    def tessera(self, directory: Path, vkey: str, *, seconds: float = 60) -> bool:
        """Return whether fsck says that it accepts a log: its exit code is 0 either way, and it may wait for ever."""
        with tempfile.NamedTemporaryFile("w", suffix=".vkey") as key:
            key.write(vkey)
            key.flush()
            command = [
                str(self.fsck), "--storage_url", f"file://{directory}", "--public_key", key.name, "-ui=false",
                "-N", str(WORKERS),
            ]  # fmt: skip
            try:
                done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=seconds)
            except subprocess.TimeoutExpired:
                return False
        return ACCEPTED_BY_FSCK in done.stderr


@functools.cache
def strangers() -> Strangers:
    """Build both; where Go or the modules they are made of are not to be had, the test is skipped."""
    go = shutil.which("go")
    if go is None:
        pytest.skip("Go is not on this machine")
    # Kept between runs, as any build cache is; go itself tells whether something has changed.
    directory = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "countersign-tests" / "strangers"
    directory.mkdir(parents=True, exist_ok=True)
    fetched = _run(go, "mod", "download")
    if fetched.returncode != 0:
        pytest.skip("the Go modules of tests/strangers/go cannot be downloaded here")
    built = Strangers(directory / "stranger", directory / "fsck")
    for program, package in ((built.stranger, "."), (built.fsck, FSCK)):
        done = _run(go, "build", "-o", str(program), package)
        assert done.returncode == 0, done.stderr
    return built


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=SOURCE, capture_output=True, text=True, check=False)

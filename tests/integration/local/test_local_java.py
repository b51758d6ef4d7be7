"""Apache Kafka's jars, fetched by Maven: on accounts without a home too, and what Maven says when it cannot."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from countersign_local.errors import PartMissingError
from countersign_local.parts.java import _repository, kafka_runtime


def test_local_what_maven_calls_the_error_is_told(tmp_path):
    if shutil.which("mvn") is None:
        pytest.skip("no Maven")
    environ = {**os.environ, "XDG_CACHE_HOME": str(tmp_path), "MAVEN_OPTS": "-Dmaven.repo.local=/proc/none"}
    with pytest.raises(PartMissingError, match=r"jars \(Could not create local repository at /proc/none\)$"):
        kafka_runtime(environ)


def test_local_maven_keeps_what_it_reads_in_the_home_where_there_is_one_to_write_to(monkeypatch):
    if os.access(Path("~").expanduser(), os.W_OK):
        assert _repository("/scratch") == []
    monkeypatch.setattr("os.getuid", lambda: 4_000_000_000)
    assert _repository("/scratch") == ["-Dmaven.repo.local=/scratch/repository"]

"""The servers under the services: found, or started for as long as they are needed."""

import contextlib
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from countersign_local.demo.options import DemoOptions
from countersign_local.parts.kafka_jars import kafka
from countersign_local.parts.mock_broker import mock_broker
from countersign_local.parts.postgres import postgres
from countersign_shared.contracts.topics import load_topics


@dataclass(frozen=True, slots=True)
class Ground:
    """Where the servers are. `processes` are those we started: when one ends, everything ends."""

    database_url: str
    bootstrap: str
    broker: Literal["kafka", "mock"]
    topic_prefix: str
    said: str
    processes: Mapping[str, subprocess.Popen[bytes]]
    embedded_database: bool = False

    def ended(self) -> str | None:
        """Name a server that ended by itself, with its exit code; None while all run."""
        for name, process in self.processes.items():
            code = process.poll()
            if code is not None:
                return f"The {name} ended by itself (exit code {code})"
        return None


@contextlib.contextmanager
def ground(options: DemoOptions, directory: Path, environ: Mapping[str, str]) -> Iterator[Ground]:
    """Start what is not given, database first; stop it in the opposite order."""
    with contextlib.ExitStack() as stack:
        processes: dict[str, subprocess.Popen[bytes]] = {}
        database_url, database = options.database_url, "PostgreSQL at DATABASE_URL"
        if database_url is None:
            server = stack.enter_context(postgres(directory, environ=environ))
            processes["embedded PostgreSQL"] = server.process
            database_url, database = server.url, f"embedded PostgreSQL on port {server.port}"
        if options.kafka is not None:
            bootstrap, said = options.kafka, f"Kafka at {options.kafka}"
        elif options.broker == "kafka":
            cluster = stack.enter_context(kafka(directory / "kafka", environ=environ))
            for node in cluster.nodes:
                if node.process is not None:
                    processes[f"Kafka broker {node.number}"] = node.process
            bootstrap, said = cluster.bootstrap, f"Apache Kafka on {cluster.bootstrap}"
        else:
            topics = {options.topic_prefix + topic.name: topic.partitions for topic in load_topics().values()}
            broker = stack.enter_context(mock_broker(topics))
            processes["embedded broker"] = broker.process
            bootstrap, said = broker.bootstrap, f"in-memory broker on {broker.bootstrap}, for development only"
        kind: Literal["kafka", "mock"] = "kafka" if options.kafka or options.broker == "kafka" else "mock"
        embedded = options.database_url is None
        yield Ground(database_url, bootstrap, kind, options.topic_prefix, f"{database}; {said}", processes, embedded)

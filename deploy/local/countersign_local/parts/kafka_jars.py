"""A real Apache Kafka on this machine: one broker, or three with replication, from Maven's jars.

KRaft mode. The first node is controller and broker, the others are brokers. Data live in the given directory, so a
cluster stopped and started again on it goes on.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import subprocess
import time
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from countersign_local.errors import PartError
from countersign_local.parts.java import KafkaRuntime, kafka_runtime
from countersign_local.parts.processes import end, free_ports, spawn, tail

_JVM = (
    "-Xms64m",
    "-Xmx256m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    f"-Dlog4j2.configurationFile={Path(__file__).with_name('kafka') / 'log4j2.properties'}",
)
# Java writes and reads the names of files by its locale: in another one, what is not ASCII is not found.
_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC"}
_READY_SECONDS = 60.0
_STOP_SECONDS = 15.0
_REPLICATED = 3

# Small and quick: each value trades durability or throughput that a machine with one user does not need.
_PROPERTIES = {
    "auto.create.topics.enable": "false",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.num.partitions": "2",
    "num.network.threads": "2",
    "num.io.threads": "2",
    "log.cleaner.dedupe.buffer.size": "2097152",
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "500",
    # A killed broker is noticed, and may come back on its data, after this long instead of nine seconds. One that a
    # busy machine keeps from its processor as long would be taken for dead, and its topics with it.
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "300",
    "controlled.shutdown.enable": "true",
}


@dataclass(slots=True)
class Node:
    """One JVM of the cluster."""

    number: int
    port: int
    directory: Path
    process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        """Warnings and errors of this start."""
        return self.directory / "broker.log"

    @property
    def written_archive(self) -> Path:
        """Where this node writes the archive of its classes when it is asked to."""
        return self.directory / "classes.jsa"


@dataclass(slots=True)
class KafkaCluster:
    """A running cluster; `kill` and `restart` are for tests of what happens then."""

    runtime: KafkaRuntime
    nodes: list[Node] = field(default_factory=list)

    @property
    def bootstrap(self) -> str:
        """Addresses of all brokers, running or not."""
        return ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)

    def start(self, *numbers: int) -> None:
        """Start these nodes (all when none is named) and wait until every running broker is known to the others."""
        for node in self._chosen(numbers):
            options = (*_JVM, self._archive_option(node))
            node.process = spawn(
                self.runtime.command("kafka.Kafka", node.directory / "server.properties", options=options),
                log=node.log,
                env=_ENVIRONMENT,
                last_word=signal.SIGKILL,
            )
        self._wait_until_ready()

    def stop(self, *numbers: int) -> None:
        """Stop these nodes (all when none is named) in order, the controller last."""
        for node in reversed(self._chosen(numbers)):
            if node.process is not None:
                end(node.process, ask=signal.SIGTERM, insist=signal.SIGKILL, patience=_STOP_SECONDS)
                node.process = None
                self._keep_archive(node)

    def _archive_option(self, node: Node) -> str:
        """Use the archive of Kafka's classes, or have the first node write it when it ends."""
        if self.runtime.archive.exists() or node.number > 1:
            return f"-XX:SharedArchiveFile={self.runtime.archive}"
        return f"-XX:ArchiveClassesAtExit={node.written_archive}"

    def _keep_archive(self, node: Node) -> None:
        if node.written_archive.exists() and not self.runtime.archive.exists():
            # Beside its place first: the cache may lie on another file system, and others read it.
            beside = self.runtime.archive.with_suffix(f".{uuid.uuid4().hex}")
            shutil.copyfile(node.written_archive, beside)
            beside.replace(self.runtime.archive)
        node.written_archive.unlink(missing_ok=True)

    def kill(self, number: int) -> None:
        """End one node as a power cut would."""
        for node in self._chosen((number,)):
            if node.process is not None:
                end(node.process, ask=signal.SIGKILL, insist=signal.SIGKILL, patience=_STOP_SECONDS)
                node.process = None

    def restart(self, number: int) -> None:
        """Stop one node if it runs, and start it on its data and its port."""
        self.stop(number)
        self.start(number)

    def _chosen(self, numbers: tuple[int, ...]) -> list[Node]:
        return [node for node in self.nodes if not numbers or node.number in numbers]

    def _wait_until_ready(self) -> None:
        running = [node for node in self.nodes if node.process is not None]
        numbers = {node.number for node in running}
        deadline = time.monotonic() + _READY_SECONDS
        for node in running:
            # Each is asked itself: the others may still list one that was killed a moment ago.
            while not _known_brokers(node.port) >= numbers:
                if node.process is not None and node.process.poll() is not None:
                    raise PartError(f"Kafka broker {node.number} ended. Its last words:\n{tail(node.log)}")
                if time.monotonic() > deadline:
                    raise PartError(f"Kafka broker {node.number} is not ready; see {node.log}")
                time.sleep(0.05)


def _known_brokers(port: int) -> set[int]:
    # A client of its own for each look: one that was refused backs off, and its logging would reach the terminal.
    client = AdminClient({"bootstrap.servers": f"127.0.0.1:{port}", "log_level": 0})
    try:
        return set(client.list_topics(timeout=1).brokers)
    except KafkaException:
        return set()


@contextlib.contextmanager
def kafka(
    directory: Path,
    *,
    environ: Mapping[str, str],
    brokers: int = 1,
    properties: Mapping[str, str] | None = None,
    ports: Iterator[int] | None = None,
) -> Iterator[KafkaCluster]:
    """Run a cluster of `brokers` nodes whose data live in `directory`, and stop it at the end.

    With three or more, topics are replicated three times and two replicas must confirm. `properties` replace ours.
    Raises PartMissingError when this machine has no Java or no jars, PartError with the broker's last words or where
    Kafka cannot keep data in `directory`.
    """
    if "," in str(directory):
        raise PartError(
            f"Kafka takes a comma for the end of a directory's name: keep its data elsewhere, not in {directory}"
        )
    cluster = KafkaCluster(kafka_runtime(environ))
    choose = ports or free_ports()
    controller_port = next(choose)
    cluster_id = _cluster_id(directory)
    for number in range(1, brokers + 1):
        node = Node(number=number, port=next(choose), directory=directory / f"broker-{number}")
        _write_properties(node, controller_port=controller_port, brokers=brokers, extra=properties or {})
        cluster.nodes.append(node)
    with ThreadPoolExecutor(brokers) as several:
        list(several.map(partial(_format, cluster.runtime, cluster_id), cluster.nodes))
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


def _cluster_id(directory: Path) -> str:
    directory.mkdir(parents=True, exist_ok=True)
    kept = directory / "cluster-id"
    if not kept.exists():
        kept.write_text(urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("="), encoding="utf-8")
    return kept.read_text(encoding="utf-8").strip()


def _write_properties(node: Node, *, controller_port: int, brokers: int, extra: Mapping[str, str]) -> None:
    controller = node.number == 1
    copies = min(brokers, _REPLICATED)
    confirmed = max(1, copies - 1)
    listeners = [f"BROKER://127.0.0.1:{node.port}"] + [f"CONTROLLER://127.0.0.1:{controller_port}"] * controller
    values = {
        **_PROPERTIES,
        "process.roles": "broker,controller" if controller else "broker",
        "node.id": str(node.number),
        "controller.quorum.voters": f"1@127.0.0.1:{controller_port}",
        "listeners": ",".join(listeners),
        "advertised.listeners": listeners[0],
        "inter.broker.listener.name": "BROKER",
        "controller.listener.names": "CONTROLLER",
        "listener.security.protocol.map": "BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "log.dirs": str(node.directory / "data"),
        "default.replication.factor": str(copies),
        "min.insync.replicas": str(confirmed),
        "offsets.topic.replication.factor": str(copies),
        "transaction.state.log.replication.factor": str(copies),
        "transaction.state.log.min.isr": str(confirmed),
        "share.coordinator.state.topic.replication.factor": str(copies),
        "share.coordinator.state.topic.min.isr": str(confirmed),
        **extra,
    }
    node.directory.mkdir(parents=True, exist_ok=True)
    # Kafka makes its files readable for everybody, and in them are cases.
    node.directory.chmod(0o700)
    text = "".join(f"{name}={_escaped(value)}\n" for name, value in values.items())
    (node.directory / "server.properties").write_text(text, encoding="utf-8")


def _escaped(value: str) -> str:
    """Write a value for Java's properties, which are read as Latin-1 and escaped as in JSON."""
    return json.dumps(value)[1:-1]


def _format(runtime: KafkaRuntime, cluster_id: str, node: Node) -> None:
    if (node.directory / "data" / "meta.properties").exists():
        return
    # `--cluster-id=ID`, not `-t ID`: an id that begins with a hyphen would be read as an option.
    made = subprocess.run(
        runtime.command(
            "kafka.tools.StorageTool", "format", f"--cluster-id={cluster_id}",
            "-c", node.directory / "server.properties", options=(*_JVM, f"-XX:SharedArchiveFile={runtime.archive}"),
        ),
        capture_output=True, text=True, errors="replace", check=False, env=_ENVIRONMENT, cwd="/",
    )  # fmt: skip
    if made.returncode != 0:
        raise PartError(f"Kafka cannot prepare {node.directory}: {(made.stdout + made.stderr).strip()}")

"""Metrics of one service: only what `definitions` lists, in a registry of its own."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import generate_latest

from countersign_shared import __version__
from countersign_shared.observability.definitions import BY_NAME, PREFIX, Definition


class Metrics:
    """Hands out metrics by their listed name; a name or kind that is not listed is a ``KeyError``.

    Each service has a registry of its own, because five of them may live in one process.
    """

    def __init__(self, service: str) -> None:
        self.service = service
        self.registry = CollectorRegistry()
        self._made: dict[str, Counter | Gauge | Histogram] = {}
        self.gauge("build_info").labels(version=__version__).set(1)

    def counter(self, name: str) -> Counter:
        """Return the counter of that name."""
        made = self._metric(name, "counter")
        if not isinstance(made, Counter):
            raise KeyError(name)
        return made

    def gauge(self, name: str) -> Gauge:
        """Return the gauge of that name."""
        made = self._metric(name, "gauge")
        if not isinstance(made, Gauge):
            raise KeyError(name)
        return made

    def histogram(self, name: str) -> Histogram:
        """Return the histogram of that name."""
        made = self._metric(name, "histogram")
        if not isinstance(made, Histogram):
            raise KeyError(name)
        return made

    def exposition(self) -> bytes:
        """Return the registry in the Prometheus text format."""
        return generate_latest(self.registry)

    def _metric(self, name: str, kind: str) -> Counter | Gauge | Histogram:
        if name not in self._made:
            definition = BY_NAME[name]
            if definition.kind != kind:
                raise KeyError(f"{name} is a {definition.kind}, not a {kind}")
            self._made[name] = _make(definition, self.registry)
        return self._made[name]


def _make(definition: Definition, registry: CollectorRegistry) -> Counter | Gauge | Histogram:
    name = PREFIX + definition.name
    if definition.kind == "counter":
        return Counter(name, definition.help, definition.labels, registry=registry)
    if definition.kind == "gauge":
        return Gauge(name, definition.help, definition.labels, registry=registry)
    return Histogram(name, definition.help, definition.labels, registry=registry, buckets=definition.buckets)

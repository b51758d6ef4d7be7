"""Metrics, health and logs: what an SRE sees of a service."""

from countersign_shared.observability.health import Health
from countersign_shared.observability.metrics import Metrics

__all__ = ["Health", "Metrics"]

"""What a run costs: CPU time of whole process trees, and their fair share of memory."""

from __future__ import annotations

from dataclasses import dataclass

import psutil


def cpu_seconds(pid: int) -> float:
    """Return user and system CPU seconds of a process and its living descendants, with those it has waited for."""
    process = psutil.Process(pid)
    total = 0.0
    for member in (process, *process.children(recursive=True)):
        try:
            times = member.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
        if member.pid == pid:
            total += times.children_user + times.children_system
    return total


def pss_megabytes(pid: int) -> float:
    """Return the proportional set size of a process and its descendants in megabytes."""
    process = psutil.Process(pid)
    return sum(member.memory_full_info().pss for member in (process, *process.children(recursive=True))) / 1e6


@dataclass
class Meter:
    """CPU seconds per named process tree since the meter was made."""

    pids: dict[str, int]

    def __post_init__(self) -> None:
        self._begin = {name: cpu_seconds(pid) for name, pid in self.pids.items()}

    def read(self) -> dict[str, float]:
        """Return CPU seconds spent since, by name."""
        return {name: cpu_seconds(pid) - self._begin[name] for name, pid in self.pids.items()}

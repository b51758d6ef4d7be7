"""What is wrong, and where."""

from dataclasses import dataclass, field

MAX_FINDINGS = 20
"""After so many faults the first ones say enough."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault: the entry it is about, or the first and last of the entries it must be among."""

    index: int
    what: str
    last_index: int | None = None

    def __str__(self) -> str:
        """Say it in a line."""
        if self.last_index is None or self.last_index <= self.index:
            return f"entry {self.index}: {self.what}"
        return f"entries {self.index} to {self.last_index}: {self.what}"


@dataclass(slots=True)
class Report:
    """What verification found. ``ok`` only when everything was read and nothing was wrong."""

    origin: str
    size: int = 0
    root: str = ""
    newest_at: str | None = None
    old_size: int | None = None
    findings: list[Finding] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether the log is what its checkpoint says."""
        return not self.findings

    @property
    def first_bad(self) -> Finding | None:
        """The fault that comes first in the log; a single entry goes before a range it lies in."""
        first = min(self.findings, key=lambda finding: finding.index, default=None)
        if first is None or first.last_index is None:
            return first
        inside = [one for one in self.findings if one.last_index is None and one.index <= first.last_index]
        return min(inside, key=lambda finding: finding.index, default=first)

    def found(self, index: int, what: str, last_index: int | None = None) -> None:
        """Note a fault; the twentieth is the last that is kept."""
        if len(self.findings) < MAX_FINDINGS:
            self.findings.append(Finding(index, what, last_index))

"""What is wrong with a policy file, for whoever shows it: a compiler-like listing, an editor, an HTTP answer."""

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One thing that is wrong, and where.

    ``path`` is the place in the document (``exceptions[0].when``; empty: the whole file). ``line`` and ``column``
    are in the file and count from 1, columns in characters; 0 means that the place is not known. ``length`` is how
    many characters to underline. ``hint`` says what to write instead, where that can be said. Warnings refuse nothing.
    """

    path: str
    message: str
    line: int = 0
    column: int = 0
    hint: str | None = None
    length: int = 1
    severity: Severity = "error"

    def __str__(self) -> str:
        place = f" (line {self.line}, column {self.column})" if self.line else ""
        said = f"{self.path}{place}: {self.message}" if self.path else f"{self.message}{place}"
        return f"{said}; {self.hint}" if self.hint else said


def errors(found: list[Diagnostic]) -> list[Diagnostic]:
    """Return those that refuse the policy."""
    return [one for one in found if one.severity == "error"]

"""The named SQL statements, and the pool they run on."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg

from countersign_shared.postgres import Queries

SQL = Path(__file__).parent.parent / "sql"
SCHEMA = "feedback"


@dataclass(frozen=True, slots=True)
class Statements:
    """The statements of each file in ``sql/``."""

    queries: Queries
    labels: Queries
    reviewers: Queries
    controls: Queries

    @classmethod
    def load(cls) -> "Statements":
        """Read every file."""
        return cls(*(Queries.load(SQL / f"{name}.sql") for name in cls.__slots__))


class Reads:
    """Statements that need no transaction of their own; ``connection`` may be a pool."""

    def __init__(self, connection: "asyncpg.Pool | Any", sql: Statements) -> None:
        self._connection = connection
        self._sql = sql


def columns(rows: Any, width: int) -> list[list[Any]]:
    """Return rows as columns; no row gives empty columns."""
    return [list(column) for column in zip(*rows, strict=True)] or [[] for _ in range(width)]

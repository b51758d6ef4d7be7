"""PostgreSQL: one pool, one schema and one set of named queries per service."""

from countersign_shared.postgres.away import FAULTS, LOST
from countersign_shared.postgres.migrate import migrate
from countersign_shared.postgres.pool import open_pool
from countersign_shared.postgres.queries import Queries

__all__ = ["FAULTS", "LOST", "Queries", "migrate", "open_pool"]

"""The matrix with its counts."""

from datetime import datetime

from pydantic import BaseModel, Field

from countersign_router.api.models.policies import PolicyEntry


class MatrixCell(BaseModel):
    """One cell: the level the policy gives it, and what came of it."""

    tier: str
    band: str
    level: int
    cases: int
    automatic: int


class LevelCount(BaseModel):
    """Cases of one level, whatever cell they came from."""

    level: int
    level_name: str
    cases: int


class MatrixView(BaseModel):
    """The matrix in force with counts per cell, ready to be drawn."""

    decision_type: str
    tenant: str | None
    since: datetime
    policy: PolicyEntry | None
    tiers: list[str]
    bands: list[str]
    cells: list[MatrixCell]
    outside: int = Field(description="Cases that reached no cell: abstentions, missing inputs, errors, no policy.")
    by_level: list[LevelCount]

"""The matrix with its counts."""

from datetime import datetime

from pydantic import BaseModel, Field

from countersign_router.api.models.policies import PolicyEntry


class AuditedError(BaseModel):
    """How often automatic decisions of a cell were wrong, as people judged afterwards, blind, on a random sample.

    With `judged` 0 nothing is known: no rate, and an interval from 0 to 1.
    """

    judged: int = Field(description="Decisions that chance drew and people judged.")
    errors: int = Field(description="Those among them that people would have decided otherwise.")
    rate: float | None = Field(description="Weighted by how many decisions each stands for; null below 30 judged.")
    lower: float = Field(description="Exact 95 % interval (Clopper-Pearson) over the `kept` ones.")
    upper: float
    kept: int = Field(description="A sample drawn with one chance: all judged ones where every chance was the same.")
    kept_errors: int


class MatrixCell(BaseModel):
    """One cell: the level the policy gives it, and what came of it."""

    tier: str
    band: str
    level: int
    cases: int
    automatic: int
    audited: AuditedError


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

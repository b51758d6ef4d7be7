"""What a demo can be asked for."""

from dataclasses import dataclass
from typing import Literal

BrokerKind = Literal["mock", "kafka"]


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """How much arrives how fast, on which servers, and who answers.

    `kafka` names brokers to use instead of starting one, on which `topic_prefix` keeps us apart from others;
    `database_url` a PostgreSQL server. `headless` runs with scripted reviewers to the end; `seed` fixes their answers.
    """

    cases: int
    per_second: float
    headless: bool = False
    seed: int = 1
    reviewers: int = 2
    broker: BrokerKind = "mock"
    kafka: str | None = None
    topic_prefix: str = ""
    database_url: str | None = None
    port: int = 8100
    give_up_seconds: float = 120.0

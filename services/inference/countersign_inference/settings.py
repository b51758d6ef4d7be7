"""What inference reads from the environment."""

from pathlib import Path

from pydantic import Field

from countersign_shared.settings import ServiceSettings


class Settings(ServiceSettings):
    """Settings of the inference service; names in the environment are these in capitals."""

    http_port: int = Field(default=8101, ge=0, le=65535, description="port of the HTTP server; 0 takes a free one")
    niceness: int = Field(default=8, ge=0, le=19, description="stands back for the record and for people")
    models_dir: Path | None = Field(
        default=None, description="directory of model files; unset: the models that come with Countersign"
    )
    scorer_timeout_seconds: float = Field(
        default=10.0, gt=0, le=60, description="a model that takes longer over a batch has abstained on all of it"
    )
    max_outstanding_cases: int = Field(
        default=2_000,
        ge=1,
        description="cases taken over HTTP and not scored yet, above which POST answers 429; in-memory broker only",
    )

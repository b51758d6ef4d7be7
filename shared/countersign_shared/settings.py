"""What every service reads from the environment."""

from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

Compression = Literal["none", "gzip", "snappy", "lz4", "zstd"]
"""Codecs every Kafka client knows."""


class ServiceSettings(BaseSettings):
    """Settings that all five services share; names in the environment are these in capitals."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True, env_ignore_empty=True)

    database_url: str = Field(description="PostgreSQL, e.g. postgresql://countersign_router:...@db:5432/countersign")
    kafka_bootstrap_servers: str = Field(description="Kafka brokers, HOST:PORT, separated by commas")
    http_host: str = Field(default="127.0.0.1", description="address the HTTP server listens on")
    http_port: int = Field(ge=0, le=65535, description="port of the HTTP server; 0 takes a free one")
    instance_id: str | None = Field(
        default=None,
        description="stable name of this replica for static Kafka membership; two replicas must not share one",
    )
    topic_prefix: str = Field(default="", description="put before every topic and consumer group name")
    kafka_compression: Compression = Field(
        default="zstd", description="how batches are compressed on the topics: none, gzip, snappy, lz4 or zstd"
    )
    broker: Literal["kafka", "mock"] = Field(
        default="kafka", description="`mock` for the in-memory development broker, which keeps little and forgets"
    )
    decision_types_dir: Path | None = Field(
        default=None, description="directory of decision-type files; unset: those that come with Countersign"
    )
    jwks_url: str | None = Field(
        default=None, description="where the review service publishes its keys; unset: every guarded route refuses"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="least level logged")
    niceness: int = Field(
        default=0, ge=0, le=19, description="how far the process stands back on a busy machine, as in nice(1)"
    )
    database_pool_size: int = Field(
        default=8, ge=4, le=64, description="most connections to PostgreSQL at once; two are held all the time"
    )

"""The one place that reads the environment."""

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from countersign_shared.settings import ServiceSettings


class Settings(ServiceSettings):
    """Settings of the audit service."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True, env_ignore_empty=True)

    http_port: int = Field(default=8103, ge=0, le=65535, description="port of the HTTP server; 0 takes a free one")
    audit_keys_dir: Path = Field(
        default=Path("~/.local/state/countersign/audit-keys"),
        description="directory of the log's keys, outside the database and backed up apart; made for an empty log",
    )
    audit_log_name: str | None = Field(
        default=None, max_length=170, pattern=r"^[^\s\p{Cc}+]+$",
        description="name the log signs under, e.g. example.org/decisions; unset: a unique one, chosen once",
    )  # fmt: skip
    audit_checkpoint_interval_ms: int = Field(
        default=1000, ge=0, le=10_000, description="longest time between two signed checkpoints while entries arrive"
    )
    audit_partition_entries: int = Field(
        default=16_777_216, ge=256, le=2**40,
        description="entries in each new partition of the log's tables; those that are there stay as they are",
    )  # fmt: skip
    audit_writer_wait_seconds: float = Field(
        default=30.0, ge=0, le=600, description="how long to wait at start for another writer of the log to end"
    )
    audit_signing_key: SecretStr | None = Field(
        default=None, description="signing key in base64, 32 bytes; unset: signing.key in AUDIT_KEYS_DIR"
    )
    audit_signing_key_before: SecretStr | None = Field(
        default=None,
        description="the key before it, for the start that goes over to a new one; unset: signing-before.key",
    )
    audit_anchors_dir: Path | None = Field(
        default=None,
        description="directory for signed checkpoints, on another disk than the database; unset: the topic only",
    )
    audit_anchor_interval_seconds: float = Field(
        default=10.0, gt=0, le=3600, description="longest time until a signed checkpoint is kept outside the database"
    )
    audit_copies_check_hours: float = Field(
        default=24.0, gt=0, le=8_784, description="how often the columns beside the leaves are compared with them"
    )
    audit_explanation_days: float = Field(
        default=14.0, gt=0, le=366, description="how long a link to an explanation may be opened"
    )
    audit_contest: str | None = Field(
        default=None, max_length=2_000,
        description="how an affected person objects: whom to write to, until when; unset: in general words",
    )  # fmt: skip


class PreparationSettings(BaseSettings):
    """What ``countersign_audit.prepare`` needs: the owner's way into the database, and whom it is prepared for."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True)

    database_url: str
    audit_role: str = Field(min_length=1, max_length=57)

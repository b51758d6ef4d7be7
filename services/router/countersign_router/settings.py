"""What the router reads from the environment."""

from pathlib import Path

from pydantic import Field

from countersign_shared.settings import ServiceSettings


class Settings(ServiceSettings):
    """Settings of the router; names in the environment are these in capitals."""

    http_port: int = Field(default=8102, ge=0, le=65535, description="port of the HTTP server; 0 takes a free one")
    niceness: int = Field(default=8, ge=0, le=19, description="stands back for the record and for people")
    policies_dir: Path | None = Field(
        default=None, description="directory of policy files; unset: the policies that come with Countersign"
    )
    sampling_key_file: Path | None = Field(
        default=None,
        description="file with the secret key of the random draws, 16 bytes or more; unset: one kept in the database",
    )

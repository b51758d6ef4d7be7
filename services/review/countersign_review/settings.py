"""The one place that reads the environment."""

from typing import Literal

from pydantic import Field

from countersign_shared.settings import ServiceSettings


class Settings(ServiceSettings):
    """Settings of the review service."""

    http_port: int = Field(default=8100, ge=0, le=65535, description="port of the HTTP server; 0 takes a free one")
    lease_seconds: int = Field(default=600, ge=1, le=86_400, description="how long a claim holds without a heartbeat")
    look_ahead_seconds: int = Field(
        default=60, ge=1, le=3_600, description="how long a claim holds that its reviewer has not opened yet"
    )
    session_hours: int = Field(default=12, ge=1, le=168, description="how long a person stays signed in")
    session_idle_minutes: int = Field(
        default=60, ge=1, le=1_440, description="after how many unused minutes a person is signed out"
    )
    local_users: Literal["loopback", "allow"] = Field(
        default="loopback",
        description="`loopback`: passwords only where HTTP_HOST is loopback; `allow`: also elsewhere, for a port that "
        "only this machine can reach, as in docker-compose.yml",
    )
    cookie_secure: bool = Field(default=False, description="true behind HTTPS: the session cookie needs it then")
    key_environment: str = Field(
        default="local", pattern=r"^[a-z0-9]{1,16}$", description="second part of API keys, to tell installations apart"
    )
    inference_url: str = Field(default="http://127.0.0.1:8101", description="where the inference service answers")
    router_url: str = Field(default="http://127.0.0.1:8102", description="where the router service answers")
    audit_url: str = Field(default="http://127.0.0.1:8103", description="where the audit service answers")
    feedback_url: str = Field(default="http://127.0.0.1:8104", description="where the feedback service answers")

"""What the API about people says and takes."""

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from countersign_review.api.models.text import NO_CONTROL_CHARACTERS, Code, Line
from countersign_shared.http.moments import Moment

Role = Literal[
    "reviewer", "lead", "admin", "auditor", "policy_author", "policy_approver", "operator", "submitter", "analyst"
]
Tier = Literal["negligible", "low", "medium", "high", "critical"]
Audience = Literal["inference", "router", "review", "audit", "feedback"]
Username = Annotated[
    str, Field(pattern=r"^[a-z0-9][a-z0-9._@-]{0,62}$", description="Lower case; stable; for signing in.")
]
Name = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\u0000-\u001f\u007f-\u009f]*$")]
TenantScope = Annotated[str, Field(pattern=r"^(\*|[A-Za-z0-9._-]{1,64})$", description="A tenant, or * for all.")]


class Model(BaseModel):
    """Requests name every field they may hold: a misspelt one is an error, not silence."""

    model_config = ConfigDict(extra="forbid")


class SessionRequest(Model):
    """Sign in with a password, or with a one-time link."""

    username: Line | None = None
    password: SecretStr | None = Field(default=None, max_length=200)
    login_token: SecretStr | None = Field(default=None, max_length=200)

    @model_validator(mode="after")
    def one_way_in(self) -> "SessionRequest":
        """Take either a name and a password, or a token."""
        by_password = self.username is not None and self.password is not None
        if by_password == (self.login_token is not None):
            raise ValueError("send username and password, or login_token")
        return self


class Money(Model):
    """An amount and its currency."""

    value: Annotated[str, Field(pattern=r"^(0|[1-9]\d{0,14})(\.\d{1,4})?$")]
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]


class Authority(Model):
    """What a reviewer may decide."""

    decision_types: list[Code] | None = Field(default=None, max_length=100, description="Null = every type.")
    max_tier: Tier = Field(default="medium", description="Highest consequence they may decide.")
    amount_limit: Money | None = Field(default=None, description="Null = no limit.")
    skills: list[Code] = Field(default_factory=list, max_length=100)
    languages: list[Code] | None = Field(default=None, max_length=100, description="Null = every language.")
    training_valid_until: date | None = Field(
        default=None, description="Last day of their training; from the next on they are given no cases. Null = no end."
    )
    delegates: list[Username] | None = Field(
        default=None, max_length=100, description="Whom they may hand work to; null = every colleague."
    )


class OwnSettings(Model):
    """What a person chooses for themselves."""

    undo_seconds: Annotated[int, Field(ge=0, le=60)] | None = Field(
        default=None,
        description="How long you want to be able to undo at the console; it counts where the policy gives less. "
        "Null = as the policy says.",
    )


class Me(BaseModel):
    """Who is signed in."""

    username: str
    display_name: str
    pseudonym: str = Field(description="How decisions name this person outside this service.")
    roles: list[Role]
    tenants: list[str]
    authority: Authority
    undo_seconds: int | None = Field(
        default=None, description="How long they want to be able to undo; null = as the policy says."
    )
    csrf_token: str | None = Field(description="To be sent as X-CSRF-Token with every write; null without a cookie.")
    session_expires_at: datetime | None


class User(BaseModel):
    """A user as an administrator sees them."""

    username: str
    display_name: str
    pseudonym: str
    roles: list[Role]
    tenants: list[str] = Field(description="Of yours.")
    authority: Authority
    created_at: datetime
    disabled_at: datetime | None
    beyond_you: bool = Field(
        default=False, description="They act for tenants beyond yours too: whoever changes them must look after all."
    )
    version: int = Field(description="To be sent back as If-Match with a change.")


class Users(BaseModel):
    """A page of users, by name."""

    items: list[User]
    next_cursor: str | None


class UserChange(Model):
    """What a user is called and may do; all of it, in place of what was there."""

    display_name: Name
    roles: list[Role] = Field(min_length=1)
    tenants: list[TenantScope] = Field(min_length=1, max_length=100)
    authority: Authority


class Colleague(BaseModel):
    """Somebody at the desk."""

    username: str
    display_name: str
    roles: list[Role]
    stands_in: str | None = Field(description="Who stands in for them now; null when nobody has to.")
    away_until: datetime | None
    beyond_you: bool = Field(
        default=False, description="They act for tenants beyond yours too: you name nobody who stands in for them."
    )


class Colleagues(BaseModel):
    """The people at the desk, by name."""

    items: list[Colleague]


class PersonName(BaseModel):
    """What somebody is called, whom records know by their pseudonym."""

    pseudonym: str
    display_name: str


class PersonNames(BaseModel):
    """Those of the people asked for who share a tenant with the caller."""

    items: list[PersonName]


class DelegationRequest(Model):
    """Who shall stand in, from when until when; without `username` for the caller."""

    username: Username | None = None
    delegate: Username
    starts_at: Moment
    ends_at: Moment
    reason: Annotated[str, Field(max_length=500, pattern=NO_CONTROL_CHARACTERS)] | None = None


class Delegation(BaseModel):
    """Somebody stands in for somebody."""

    delegation_id: str
    username: str
    delegate: str
    starts_at: datetime
    ends_at: datetime
    reason: str | None
    created_at: datetime
    beyond_you: bool = Field(
        default=False, description="Whoever is away acts for tenants beyond yours too: you cannot end it."
    )


class Delegations(BaseModel):
    """Delegations that are not over."""

    items: list[Delegation]


class UserRequest(Model):
    """A new local user."""

    username: Username
    display_name: Name
    roles: list[Role] = Field(min_length=1)
    tenants: list[TenantScope] | None = Field(
        default=None, min_length=1, max_length=100, description="Of yours; absent: all of yours."
    )
    authority: Authority = Field(default_factory=Authority)


class UserCreated(User):
    """The new user, and their password: shown this once, stored only as a hash."""

    password: str


class ApiKeyRequest(Model):
    """A key for a program; it acts as its owner, with these roles at most."""

    name: Name
    username: Username
    roles: list[Role] = Field(min_length=1)
    tenants: list[TenantScope] = Field(
        default_factory=lambda: ["*"], min_length=1, max_length=100,
        description="Of yours; * = as far as both you and its owner reach.",
    )  # fmt: skip
    expires_in_days: Annotated[int, Field(ge=1, le=366)] = 90


class ApiKey(BaseModel):
    """A key, without its secret."""

    key_id: str
    name: str
    username: str
    roles: list[Role]
    tenants: list[str] = Field(description="Of yours.")
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    beyond_you: bool = Field(
        default=False, description="It reaches tenants beyond yours too: whoever revokes it must look after all."
    )
    last_used_at: datetime | None = Field(default=None, description="To five minutes; null: never, as far as is known.")


class ApiKeys(BaseModel):
    """The keys that reach one of your tenants."""

    items: list[ApiKey]


class ApiKeyCreated(ApiKey):
    """The new key: shown this once, stored only as a hash."""

    api_key: str


class TokenRequest(Model):
    """For which service the token shall be good."""

    audience: Audience


class Token(BaseModel):
    """A short-lived bearer token."""

    access_token: str
    token_type: Literal["Bearer"]
    expires_in: int = Field(description="Seconds.")


class JsonWebKey(BaseModel):
    """One public key (RFC 8037, RFC 9864)."""

    kty: Literal["OKP"]
    crv: Literal["Ed25519"]
    x: str
    kid: str
    use: Literal["sig"]
    alg: Literal["Ed25519"]


class JsonWebKeys(BaseModel):
    """The keys that tokens are signed with."""

    keys: list[JsonWebKey]

"""What a replay is asked, and what it answers."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, RootModel, model_validator

from countersign_router.replaying.report import ReplayReport

MOST_LABELS = 10_000


class Label(BaseModel):
    """A judged case: whether its proposal was wrong, as `audit.judged` says."""

    model_config = ConfigDict(extra="forbid")

    tenant: Annotated[str, Field(max_length=64)] = "default"
    case_id: Annotated[str, Field(max_length=128)]
    error: bool


class ReplayRequest(BaseModel):
    """The policy to replay, as a text or as a published version, and the cases to replay it against."""

    model_config = ConfigDict(extra="forbid")

    yaml: Annotated[str | None, Field(max_length=1_000_000, description="The text of a policy file.")] = None
    sha256: Annotated[str | None, Field(pattern="^[0-9a-f]{64}$", description="A published version.")] = None
    against: Annotated[
        str, Field(max_length=64, description="`last:N`, the newest cases, or `since:DATE`, those routed from then on.")
    ] = "last:100000"
    by: Annotated[
        list[str],
        Field(max_length=10, description="Payload fields to segment by, besides the policy's inputs with few values."),
    ] = []
    labels: Annotated[
        list[Label],
        Field(
            max_length=MOST_LABELS,
            description="Judged cases for the audited error, beside the audits that the router knows.",
        ),
    ] = []

    @model_validator(mode="after")
    def _names_one_policy(self) -> Self:
        if (self.yaml is None) == (self.sha256 is None):
            raise ValueError("give either `yaml` or `sha256`")
        return self


class ReplayProgress(BaseModel):
    """How many cases have been replayed, of how many; the total is unknown while another replay is still running."""

    kind: Literal["progress"]
    done: int
    total: int | None


class ReplayDone(BaseModel):
    """The last line of a replay that was finished."""

    kind: Literal["report"]
    report: ReplayReport


class ReplayProblem(BaseModel):
    """The last line of a replay that was not."""

    kind: Literal["problem"]
    title: str
    detail: str


class ReplayStream(RootModel[Annotated[ReplayProgress | ReplayDone | ReplayProblem, Field(discriminator="kind")]]):
    """One line of the answer."""

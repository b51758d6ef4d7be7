"""What requests have in common."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from countersign_shared.contracts.events.fields import NO_CONTROL_CHARACTERS

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
Reason = Annotated[str, Field(min_length=3, max_length=500, pattern=NO_CONTROL_CHARACTERS)]


class Request(BaseModel):
    """What every request body has in common: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")

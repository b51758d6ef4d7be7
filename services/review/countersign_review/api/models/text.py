"""Text that can be stored and written: what a database or another service would choke on is refused at the door."""

from typing import Annotated, Any

import orjson
from fastapi import Path
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

NO_CONTROL_CHARACTERS = r"^[^\u0000-\u001f\u007f-\u009f]*$"
MOST_TERMS = 16_384
"""Bytes of an outcome's terms: a few dozen fields."""


def _writable(terms: dict[str, Any]) -> dict[str, Any]:
    try:
        data = orjson.dumps(terms)
    except TypeError as error:
        raise ValueError(f"cannot be written as JSON: {error}") from error
    if len(data) > MOST_TERMS:
        raise ValueError(f"{len(data)} bytes, at most {MOST_TERMS} are taken")
    return terms


Code = Annotated[str, Field(min_length=1, max_length=100, pattern=NO_CONTROL_CHARACTERS)]
Line = Annotated[str, Field(max_length=200, pattern=NO_CONTROL_CHARACTERS)]
Text = Annotated[str, Field(max_length=20_000, description="At most 10,000 characters are recorded.")]
Terms = Annotated[dict[str, Any], AfterValidator(_writable)]
PathPart = Annotated[str, Path(max_length=200, pattern=NO_CONTROL_CHARACTERS)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Model(BaseModel):
    """Requests name every field they may hold: a misspelt one is an error, not silence."""

    model_config = ConfigDict(extra="forbid")

"""`countersign.dead-letter`: the headers beside the original bytes."""

from typing import Annotated

from pydantic import ConfigDict, Field

from countersign_shared.contracts.events.fields import Code, Part

WholeNumberText = Annotated[str, Field(pattern=r"^-?[0-9]{1,19}$")]


class DeadLetterHeaders(Part):
    """Why a record could not be read and where it was.

    The key and the value are the original record's, untouched, and its own headers are kept beside these; of a record
    that is larger than this topic takes, the beginning is kept.
    """

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True)

    service: Code = Field(alias="x-service", description="Who could not read it.")
    reason: Code = Field(alias="x-reason", description="Stable name of the reason, for example `malformed_json`.")
    pointer: Annotated[str, Field(max_length=1_000)] = Field(
        default="", alias="x-pointer", description="JSON Pointer to the field; empty = the whole body."
    )
    detail: Annotated[str, Field(max_length=2_000)] = Field(default="", alias="x-detail", description="In plain words.")
    topic: Code = Field(alias="x-topic", description="Topic the record came from.")
    partition: WholeNumberText = Field(alias="x-partition")
    offset: WholeNumberText = Field(alias="x-offset", description="Says where it was then; identifies nothing later.")
    timestamp: WholeNumberText = Field(alias="x-timestamp", description="The original record's, in ms since 1970.")
    cut_from: WholeNumberText | None = Field(
        default=None, alias="x-cut-from",
        description="Whole size of the original in bytes (key, value, headers), where only its beginning is kept.",
    )  # fmt: skip
    handled: Code | None = Field(
        default=None, alias="x-handled",
        description="On the record that an operator's command adds: `replayed` or `discarded`.",
    )  # fmt: skip

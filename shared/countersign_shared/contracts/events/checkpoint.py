"""`checkpoint.signed`: what the audit log has signed, kept where its database is not."""

from typing import Annotated

from pydantic import Field

from countersign_shared.contracts.events.fields import Moment, Part


class CheckpointSigned(Part):
    """So many entries have this root. Every later state of the log must begin with them."""

    origin: Annotated[str, Field(min_length=1, max_length=240, description="Name the log signs under.")]
    size: Annotated[int, Field(ge=0, description="Entries covered.")]
    root: Annotated[str, Field(pattern=r"^[A-Za-z0-9+/]{43}=$", description="Root of the Merkle tree, in base64.")]
    note: Annotated[
        str,
        Field(min_length=1, max_length=4096, description="The C2SP signed note, byte for byte."),
    ]
    signed_at: Moment

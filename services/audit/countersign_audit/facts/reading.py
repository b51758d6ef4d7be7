"""Parsing bodies into shapes: fast for what keeps its contract, careful for what does not."""

from typing import Any

import msgspec
from msgspec.json import Decoder

from countersign_audit.facts import shapes
from countersign_shared.messaging import Unreadable

DECODERS: dict[str, Decoder[Any]] = {
    "case.created": Decoder(shapes.Created),
    "case.updated": Decoder(shapes.Updated),
    "case.scored": Decoder(shapes.Scored),
    "case.routed": Decoder(shapes.Routed),
    "decision.made": Decoder(shapes.Decided),
    "control.changed": Decoder(shapes.Changed),
    "activity.recorded": Decoder(shapes.Recorded),
}
ABOUT: Decoder[shapes.About] = Decoder(shapes.About)


def read_body(topic: str, data: bytes) -> shapes.About:
    """Parse the body of an event into its topic's shape.

    A body that breaks its contract gives a bare ``About``: it contributes no facts, but its case still knows it.
    What is no JSON object is ``Unreadable``.
    """
    try:
        body: shapes.About = DECODERS[topic].decode(data)
    except msgspec.ValidationError:
        return _read_loosely(data)
    except (msgspec.DecodeError, RecursionError) as error:
        raise Unreadable("malformed_json", "", str(error)) from error
    return body


def _read_loosely(data: bytes) -> shapes.About:
    try:
        return ABOUT.decode(data)
    except msgspec.ValidationError as error:
        raise Unreadable("wrong_type", "", f"the body must be a JSON object: {error}") from error
    except (msgspec.DecodeError, RecursionError) as error:
        raise Unreadable("malformed_json", "", str(error)) from error

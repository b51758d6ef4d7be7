"""What is encrypted and committed to: a record's headers and body, as MessagePack of [[name, value]..., body]."""

from typing import cast

import msgspec
from msgspec.msgpack import Decoder, Encoder

from countersign_shared.messaging import Headers

_Content = tuple[tuple[tuple[str, bytes], ...], bytes]
_encode = Encoder().encode
_decoder = Decoder(_Content)


def pack(headers: Headers, body: bytes) -> bytes:
    """Join headers and body into one value; the same bytes for the same record."""
    return _encode((headers, body))


def unpack(content: bytes) -> tuple[Headers, bytes]:
    """Take apart what ``pack`` joined; anything else is a ``ValueError``."""
    try:
        return cast("_Content", _decoder.decode(content))
    except msgspec.DecodeError as error:
        raise ValueError(f"the content is not headers and body: {error}") from error

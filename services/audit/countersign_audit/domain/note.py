"""Checkpoints as C2SP signed notes (tlog-checkpoint, signed-note), Ed25519.

The signature itself is a function that the caller brings: this module knows formats, not keys.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass

ED25519 = b"\x01"
"""The algorithm byte of a note key."""
KEY_ID_BYTES = 4
PUBLIC_KEY_BYTES = 32
SIGNATURE_BYTES = 64
MAX_NOTE_BYTES = 4096
"""A checkpoint with one signature has about 200 bytes; witnesses add about 100 each."""
SIGNATURE_PREFIX = "\N{EM DASH} "
NAME = re.compile(r"[^\s+]{1,200}")
SIZE = re.compile(r"0|[1-9][0-9]{0,18}")

Sign = Callable[[bytes], bytes]
VerifySignature = Callable[[bytes, bytes, bytes], bool]
"""(public key, message, signature) -> whether it is genuine."""


class NoteError(ValueError):
    """The text is no note of this form; the message says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What the log claims: under this name, ``size`` entries have this root."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """Return the signed text: three lines, each ended by a newline."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """The public half of a log's key, with the name it signs under."""

    name: str
    public_key: bytes

    @property
    def key_id(self) -> bytes:
        """The first four bytes of SHA-256(name || newline || algorithm || public key)."""
        return hashlib.sha256(self.name.encode() + b"\n" + ED25519 + self.public_key).digest()[:KEY_ID_BYTES]

    def text(self) -> str:
        """Return the key as verifiers take it: NAME+KEYID+BASE64."""
        return f"{self.name}+{self.key_id.hex()}+{base64.b64encode(ED25519 + self.public_key).decode()}"


def parse_verifier_key(text: str) -> VerifierKey:
    """Read a verifier key; one that is damaged or of another algorithm is a ``NoteError``."""
    parts = text.strip().split("+", 2)
    if len(parts) != 3 or NAME.fullmatch(parts[0]) is None:  # noqa: PLR2004 - name, key id, key
        raise NoteError("a verifier key reads NAME+KEYID+BASE64")
    name, key_id, encoded = parts
    data = _decode(encoded, "verifier key")
    if data[:1] != ED25519 or len(data) != 1 + PUBLIC_KEY_BYTES:
        raise NoteError("the verifier key is not an Ed25519 key")
    key = VerifierKey(name, data[1:])
    if key.key_id.hex() != key_id.lower():
        raise NoteError("the verifier key's id does not match its name and bytes: it was damaged or altered")
    return key


def signed_note(checkpoint: Checkpoint, key: VerifierKey, sign: Sign) -> bytes:
    """Return the checkpoint as a note with one signature; exactly one empty line separates the two."""
    return f"{checkpoint.text()}\n".encode() + signature_line(checkpoint, key, sign)


def signature_line(checkpoint: Checkpoint, key: VerifierKey, sign: Sign) -> bytes:
    """Return a further signature of a checkpoint, to be put behind the note's others."""
    signature = base64.b64encode(key.key_id + sign(checkpoint.text().encode())).decode()
    return f"{SIGNATURE_PREFIX}{key.name} {signature}\n".encode()


def open_note(note: bytes, key: VerifierKey, verify: VerifySignature) -> Checkpoint:
    """Return what a note says if this key signed it; otherwise ``NoteError``.

    Signatures of other keys (witnesses) are passed over, as the format demands; ours must be there and genuine.
    """
    text, signatures = _split(note)
    genuine = False
    for line in signatures:
        name, signature = _signature(line)
        if name != key.name or signature[:KEY_ID_BYTES] != key.key_id:
            continue
        if not verify(key.public_key, text.encode(), signature[KEY_ID_BYTES:]):
            raise NoteError(f"the signature of {name} is not genuine")
        genuine = True
    if not genuine:
        raise NoteError(f"there is no signature of {key.name} with key id {key.key_id.hex()}")
    checkpoint = parse_checkpoint(text)
    if checkpoint.origin != key.name:
        raise NoteError(f"the checkpoint is about {checkpoint.origin}, the key belongs to {key.name}")
    return checkpoint


def parse_checkpoint(text: str) -> Checkpoint:
    """Read the signed text of a checkpoint; lines after the third are extensions and carry no meaning here."""
    lines = text.split("\n")
    if len(lines) < 4 or lines[-1] != "" or "" in lines[:-1]:  # noqa: PLR2004 - three lines and the end
        raise NoteError("a checkpoint has at least three lines, none of them empty, each ended by a newline")
    origin, size, root = lines[:3]
    if SIZE.fullmatch(size) is None:
        raise NoteError("the second line of a checkpoint is its size, in decimal without leading zeros")
    data = _decode(root, "root")
    if len(data) != 32:  # noqa: PLR2004 - SHA-256
        raise NoteError("the root of a checkpoint has 32 bytes")
    return Checkpoint(origin, int(size), data)


def _split(note: bytes) -> tuple[str, list[str]]:
    if len(note) > MAX_NOTE_BYTES:
        raise NoteError(f"the note is longer than {MAX_NOTE_BYTES} bytes")
    try:
        whole = note.decode()
    except UnicodeDecodeError as error:
        raise NoteError("the note is not UTF-8") from error
    if any(character < " " and character != "\n" for character in whole):
        raise NoteError("the note holds control characters")
    at = whole.rfind("\n\n")
    signatures = whole[at + 2 :].split("\n")
    if at < 0 or signatures[-1] != "" or len(signatures) < 2:  # noqa: PLR2004 - one line and the end
        raise NoteError("a note is a text, an empty line and signatures, each ended by a newline")
    return whole[: at + 1], signatures[:-1]


def _signature(line: str) -> tuple[str, bytes]:
    if not line.startswith(SIGNATURE_PREFIX):
        raise NoteError("a signature line begins with an em dash and a space")
    name, _, encoded = line.removeprefix(SIGNATURE_PREFIX).partition(" ")
    signature = _decode(encoded, "signature")
    if NAME.fullmatch(name) is None or len(signature) <= KEY_ID_BYTES:
        raise NoteError("a signature line has a name and at least five bytes of signature")
    return name, signature


def _decode(text: str, what: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise NoteError(f"the {what} is not base64") from error

"""Signed notes and checkpoints, as C2SP signed-note and tlog-checkpoint define them; Ed25519 signatures only."""

import base64
import hashlib
import re
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

MAX_NOTE_BYTES = 131_072
"""Room for sixteen signatures of any known kind, which every verifier has to accept."""
ED25519 = b"\x01"
KEY_ID_BYTES = 4
KEY_BYTES = 32
HASH_BYTES = 32
SIGNED_BY = "\N{EM DASH} "
_NAME = re.compile(r"[^\s+]+")
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")
_TEXT_LINES = 3


class NoteError(ValueError):
    """A key, a note or a checkpoint is not of its form, or not signed by the key; the message says which."""


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """The public key of a log, under the name the log signs with."""

    name: str
    public_key: bytes

    @property
    def key_id(self) -> bytes:
        """What a signature of this key begins with."""
        return hashlib.sha256(self.name.encode() + b"\n" + ED25519 + self.public_key).digest()[:KEY_ID_BYTES]

    @property
    def text(self) -> str:
        """The key as it is handed out: NAME+KEYID+BASE64."""
        return f"{self.name}+{self.key_id.hex()}+{base64.b64encode(ED25519 + self.public_key).decode()}"

    def signed(self, text: bytes, signature: bytes) -> bool:
        """Tell whether the signature over the text is genuine."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public_key).verify(signature, text)
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The log's signed word: its first ``size`` entries have this root."""

    origin: str
    size: int
    root: bytes


def parse_key(text: str) -> VerifierKey:
    """Read NAME+KEYID+BASE64; a damaged one is a ``NoteError``."""
    name, _, rest = text.strip().partition("+")
    key_id, _, encoded = rest.partition("+")
    if _NAME.fullmatch(name) is None or not key_id or not encoded:
        raise NoteError("a verifier key reads NAME+KEYID+BASE64")
    data = exact_base64(encoded, "verifier key")
    if data[:1] != ED25519 or len(data) != 1 + KEY_BYTES:
        raise NoteError("the verifier key is no Ed25519 key")
    key = VerifierKey(name, data[1:])
    if key.key_id.hex() != key_id:
        raise NoteError("the verifier key's id does not belong to its name and bytes: it was damaged or exchanged")
    return key


def open_checkpoint(note: bytes, key: VerifierKey) -> Checkpoint:
    """Return the checkpoint in a note that this key has signed; anything else is a ``NoteError``.

    Signatures by other keys, of witnesses for instance, are passed over.
    """
    text, lines = _parted(note)
    genuine = False
    for line in lines:
        name, signature = _signature(line)
        if name == key.name and signature[:KEY_ID_BYTES] == key.key_id:
            if not key.signed(text.encode(), signature[KEY_ID_BYTES:]):
                raise NoteError(f"the signature of {name} is not genuine")
            genuine = True
    if not genuine:
        raise NoteError(f"{key.name} has not signed it with the key {key.key_id.hex()}")
    checkpoint = _checkpoint(text)
    if checkpoint.origin != key.name:
        raise NoteError(f"it speaks about {checkpoint.origin}, and the key belongs to {key.name}")
    return checkpoint


def exact_base64(text: str, what: str) -> bytes:
    """Read base64 in the one spelling it has for its bytes."""
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError as error:
        raise NoteError(f"the {what} is not base64") from error
    if base64.b64encode(data).decode() != text:
        raise NoteError(f"the {what} is not base64 in its one spelling")
    return data


def _parted(note: bytes) -> tuple[str, list[str]]:
    """Take a note apart at its last empty line."""
    if len(note) > MAX_NOTE_BYTES:
        raise NoteError(f"it is longer than {MAX_NOTE_BYTES} bytes")
    try:
        whole = note.decode()
    except UnicodeDecodeError as error:
        raise NoteError("it is not UTF-8") from error
    if any(character < " " and character != "\n" for character in whole):
        raise NoteError("it holds control characters")
    text, gap, signatures = whole.rpartition("\n\n")
    if not gap or not signatures.endswith("\n"):
        raise NoteError("it is not a text, an empty line and signatures, each ended by a newline")
    return text + "\n", signatures[:-1].split("\n")


def _signature(line: str) -> tuple[str, bytes]:
    name, _, encoded = line.removeprefix(SIGNED_BY).partition(" ")
    if not line.startswith(SIGNED_BY) or _NAME.fullmatch(name) is None:
        raise NoteError("a signature line reads: em dash, space, name, space, base64")
    signature = exact_base64(encoded, "signature")
    if len(signature) <= KEY_ID_BYTES:
        raise NoteError("a signature has at least five bytes")
    return name, signature


def _checkpoint(text: str) -> Checkpoint:
    lines = text.removesuffix("\n").split("\n")
    if len(lines) < _TEXT_LINES or "" in lines:
        raise NoteError("a checkpoint has at least three lines, none of them empty")
    origin, size, encoded = lines[:_TEXT_LINES]
    if _SIZE.fullmatch(size) is None:
        raise NoteError("a checkpoint's second line is the number of entries")
    root = exact_base64(encoded, "root")
    if len(root) != HASH_BYTES:
        raise NoteError(f"the root has {len(root)} bytes, not {HASH_BYTES}")
    return Checkpoint(origin, int(size), root)

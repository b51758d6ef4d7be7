"""Sealing payloads: a data key for each case and subject, itself wrapped by the epoch's key.

Destroying the wrapped data key makes every payload of that subject unreadable, and every commitment to it
silent, while the leaves and their proofs stand.
"""

from collections.abc import Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgspec import Struct

from countersign_audit.domain.commitments import KEY_BYTES, CommitmentKey, derive_keys
from countersign_shared.postgres.bodies import bodies

NONCE_BYTES = 12


class SealError(ValueError):
    """Sealed bytes do not open under this key: they, or what they are bound to, were altered."""


class SubjectKey(Struct, frozen=True, gc=False):
    """The keys of one subject of one case: small, because a writer keeps those of many cases at hand."""

    number: int
    subject: bytes | None
    scope: bytes
    keys: bytes
    """What seals payloads and what makes commitments, ``KEY_BYTES`` each."""

    @property
    def id(self) -> str:
        """The name of the data key, as leaves give it."""
        return f"{self.scope.hex()}.{self.number}"

    @property
    def commit(self) -> CommitmentKey:
        """The key that makes commitments, ready for use; to be asked for once an entry."""
        return CommitmentKey(self.keys[KEY_BYTES:])

    def seal(self, nonce: bytes, content: bytes) -> bytes:
        """Pack and encrypt a payload; the nonce must never have been used with this key and goes in front."""
        return nonce + self._cipher().encrypt(nonce, bodies().pack(content), _binding(self.scope, self.number))

    def open(self, sealed: bytes) -> bytes:
        """Decrypt and unpack a payload, or raise ``SealError``."""
        packed = _open(self._cipher(), sealed, _binding(self.scope, self.number))
        try:
            return bodies().unpack(packed)
        except ValueError as error:
            raise SealError(f"the payload was sealed as something else: {error}") from error

    def _cipher(self) -> AESGCM:
        return AESGCM(self.keys[:KEY_BYTES])


class KeyWrap:
    """Wraps data keys with the keys of the epochs, which stay outside the database."""

    def __init__(self, epochs: Mapping[int, bytes]) -> None:
        self._ciphers = {number: AESGCM(key) for number, key in epochs.items()}
        self.epoch = max(epochs)

    def wrap(self, data_key: bytes, nonce: bytes, scope: bytes, number: int) -> bytes:
        """Encrypt a data key under the epoch in force, bound to what it belongs to."""
        return nonce + self._ciphers[self.epoch].encrypt(nonce, data_key, _binding(scope, number))

    def unwrap(self, epoch: int, wrapped: bytes, scope: bytes, number: int) -> bytes:
        """Decrypt a data key; an epoch whose key was destroyed, or altered bytes, are a ``SealError``."""
        cipher = self._ciphers.get(epoch)
        if cipher is None:
            raise SealError(f"the key of epoch {epoch} is not among the keys")
        return _open(cipher, wrapped, _binding(scope, number))


def subject_key(data_key: bytes, scope: bytes, number: int, subject: bytes | None) -> SubjectKey:
    """Put a data key to use."""
    return SubjectKey(number, subject, scope, derive_keys(data_key))


def _binding(scope: bytes, number: int) -> bytes:
    return scope + number.to_bytes(4, "big")


def _open(cipher: AESGCM, sealed: bytes, bound_to: bytes) -> bytes:
    try:
        return cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], bound_to)
    except (InvalidTag, ValueError) as error:
        raise SealError("the bytes do not open under their key: they were altered") from error

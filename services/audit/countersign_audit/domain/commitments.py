"""Commitments and pseudonyms: what a leaf says about data it must not show.

A commitment is HMAC-SHA-256 under a key that dies with the data key of its case and subject. While the key
lives, anyone who holds it can check the data against the leaf; once it is destroyed nothing can be guessed
from the leaf, however few values were possible. A pseudonym is a keyed BLAKE2b under a key of the log: it
says "the same case again" without saying which.
"""

import hashlib
import hmac
from collections.abc import Callable
from functools import lru_cache

from countersign_audit.domain.profile import is_word

KEY_BYTES = 32
REFERENCE_BYTES = 16
"""128 bits: two of a billion references meet with a chance of 10^-21."""
Commit = Callable[[str, bytes], str]
"""(label, data) -> the commitment to it."""
_sha256 = hashlib.sha256
_INFO = b"countersign audit payload and commitment keys v1"
_KNOWN_TEXTS = 1_024
"""Systems that submit cases are few; past this the memory of their names starts again."""
_BLOCK_BYTES = 64
_INNER = bytes(byte ^ 0x36 for byte in range(256))
_OUTER = bytes(byte ^ 0x5C for byte in range(256))
_INNER_REST = b"\x36" * (_BLOCK_BYTES - KEY_BYTES)
_OUTER_REST = b"\x5c" * (_BLOCK_BYTES - KEY_BYTES)


def derive_keys(data_key: bytes) -> bytes:
    """Derive what encrypts payloads and what makes commitments, ``KEY_BYTES`` each, one after the other.

    HKDF-Expand with SHA-512 (RFC 5869); the data key is uniform, so nothing is extracted.
    """
    return hmac.digest(data_key, _INFO + b"\x01", "sha512")


class CommitmentKey:
    """Makes commitments under one key: HMAC-SHA-256 (RFC 2104) over a label, a zero byte and the data.

    The label says what the data is, so that a commitment cannot pass for one to something else. Both padded keys
    are kept: with them a commitment costs two hashes, a third of what the library's one-shot function takes.
    """

    __slots__ = ("_inner", "_outer")

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise ValueError(f"a commitment key has {KEY_BYTES} bytes, not {len(key)}")
        self._inner = key.translate(_INNER) + _INNER_REST
        self._outer = key.translate(_OUTER) + _OUTER_REST

    def __call__(self, label: str, data: bytes) -> str:
        """Return the commitment to some data, in hexadecimal."""
        inner = _sha256(b"%b%b\x00%b" % (self._inner, label.encode(), data)).digest()
        return _sha256(self._outer + inner).hexdigest()


class Pseudonyms:
    """Names for cases, subjects, records and foreign words, under one key of the log."""

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise ValueError(f"the pseudonym key has {len(key)} bytes, not {KEY_BYTES}")
        # To begin from a copy of the keyed state takes half the time of keying it anew.
        self._case, self._subject, self._record, self._word = (
            hashlib.blake2b(digest_size=REFERENCE_BYTES, key=key, person=kind)
            for kind in (b"case", b"subject", b"record", b"word")
        )
        self._hidden: dict[str, str] = {}

    def case(self, tenant: str, case_id: str) -> bytes:
        """Return the name of a case; only who holds the key and knows the case can make it."""
        name = self._case.copy()
        name.update(_measured(tenant) + case_id.encode())
        return name.digest()

    def subject(self, tenant: str, subject_ref: str) -> bytes:
        """Return the name of the person or thing decided about."""
        name = self._subject.copy()
        name.update(_measured(tenant) + subject_ref.encode("utf-8", "surrogatepass"))
        return name.digest()

    def record(self, topic: str, identity: bytes) -> bytes:
        """Return the name of a record, by which a repeat is recognised."""
        name = self._record.copy()
        name.update(_measured(topic) + identity)
        return name.digest()

    def word(self, text: str) -> str:
        """Return a word that may stand in a leaf: the text itself when it is an identifier, else a name for it.

        Free text, addresses and the like never pass; a stand-in begins with ``~``.
        """
        return text if is_word(text) else self.hidden(text)

    def hidden(self, text: str) -> str:
        """Return a name for a text that is not to be shown, the same for the same text."""
        known = self._hidden.get(text)
        if known is None:
            if len(self._hidden) >= _KNOWN_TEXTS:
                self._hidden.clear()
            name = self._word.copy()
            name.update(text.encode("utf-8", "surrogatepass"))
            known = self._hidden[text] = "~" + name.hexdigest()
        return known


@lru_cache(_KNOWN_TEXTS)
def _measured(text: str) -> bytes:
    # The length of the first part keeps ("ab", "c") and ("a", "bc") apart. Tenants and topics are few.
    data = text.encode()
    return len(data).to_bytes(4, "big") + data

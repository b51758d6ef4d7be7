"""The Merkle tree of RFC 6962 over SHA-256, grown one leaf at a time."""

import hashlib
from collections.abc import Iterable

HASH_BYTES = 32
PAIR_BYTES = 2 * HASH_BYTES
EMPTY_ROOT = hashlib.sha256(b"").digest()
_sha256 = hashlib.sha256


def leaf_hash(leaf: bytes) -> bytes:
    """Return the hash of an entry: SHA-256(0x00 || leaf), RFC 6962 section 2.1."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node: SHA-256(0x01 || left || right), RFC 6962 section 2.1."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def paired(row: bytes) -> bytes:
    """Hash the neighbours of a row of hashes together; one that has none is left out."""
    return b"".join(
        [_sha256(b"\x01" + row[at : at + PAIR_BYTES]).digest() for at in range(0, len(row) - HASH_BYTES, PAIR_BYTES)]
    )


def row_root(row: bytes) -> bytes:
    """Return the root over a row of hashes, as many as a power of two."""
    while len(row) > HASH_BYTES:
        row = paired(row)
    return row


class Frontier:
    """The right edge of the tree: the roots of the complete subtrees that make up its first ``size`` leaves.

    There is one subtree per set bit of ``size``, largest first, so appending costs two hashes on average
    and the root at most one per bit, whatever the size of the log.
    """

    __slots__ = ("_peaks", "size")

    def __init__(self, size: int = 0, peaks: Iterable[bytes] = ()) -> None:
        self.size = size
        self._peaks = list(peaks)
        if len(self._peaks) != size.bit_count() or any(len(peak) != HASH_BYTES for peak in self._peaks):
            raise ValueError(f"{len(self._peaks)} subtrees do not make up a tree of {size} leaves")

    @classmethod
    def unpack(cls, size: int, data: bytes) -> "Frontier":
        """Read what ``pack`` wrote; a length that does not fit the size is a ``ValueError``."""
        return cls(size, (data[at : at + HASH_BYTES] for at in range(0, len(data), HASH_BYTES)))

    def pack(self) -> bytes:
        """Write the subtree roots one after the other, largest subtree first."""
        return b"".join(self._peaks)

    def copy(self) -> "Frontier":
        """Return a frontier that grows on its own."""
        return Frontier(self.size, self._peaks)

    def append(self, hashed_leaf: bytes) -> None:
        """Add one leaf, given its ``leaf_hash``."""
        # Each trailing one bit of the old size is a complete subtree as large as the one just made: merge them.
        merges = self.size
        while merges & 1:
            hashed_leaf = node_hash(self._peaks.pop(), hashed_leaf)
            merges >>= 1
        self._peaks.append(hashed_leaf)
        self.size += 1

    def root(self) -> bytes:
        """Return the root over all leaves so far."""
        if not self._peaks:
            return EMPTY_ROOT
        root = self._peaks[-1]
        for peak in reversed(self._peaks[:-1]):
            root = node_hash(peak, root)
        return root

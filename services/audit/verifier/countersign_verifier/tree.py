"""The Merkle tree of RFC 6962 over SHA-256: roots of rows of hashes, and proofs of inclusion and consistency."""

import hashlib
from collections.abc import Iterator, Sequence

HASH_BYTES = 32
PAIR_BYTES = 2 * HASH_BYTES
EMPTY_ROOT = hashlib.sha256(b"").digest()
_sha256 = hashlib.sha256


class ProofError(ValueError):
    """A proof does not lead to the root it was made for."""


def leaf_hash(leaf: bytes) -> bytes:
    """Return SHA-256(0x00 || leaf)."""
    return _sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return SHA-256(0x01 || left || right)."""
    return _sha256(b"\x01" + left + right).digest()


def root_of(row: bytes) -> bytes:
    """Return the root over a row of hashes, one after the other.

    The definition splits at the largest power of two below the length. Joining neighbours row by row, the last one
    going up alone where it has none, builds the same tree; so complete subtrees may stand in for their leaves.
    """
    if not row:
        return EMPTY_ROOT
    while len(row) > HASH_BYTES:
        end = len(row) - len(row) % PAIR_BYTES
        pairs = [_sha256(b"\x01" + row[at : at + PAIR_BYTES]).digest() for at in range(0, end, PAIR_BYTES)]
        row = b"".join(pairs) + row[end:]
    return row


def root_by_inclusion(hashed_leaf: bytes, index: int, size: int, proof: Sequence[bytes]) -> bytes:
    """Return the root that a proof leads to from a leaf (RFC 9162, section 2.1.3.2); a misfit is a ``ProofError``."""
    if not 0 <= index < size:
        raise ProofError(f"a log of {size} entries has no entry {index}")
    root = hashed_leaf
    for sibling, on_the_left in _climb(index, size - 1, proof):
        root = node_hash(sibling, root) if on_the_left else node_hash(root, sibling)
    return root


def check_consistency(first: int, first_root: bytes, second: int, second_root: bytes, proof: Sequence[bytes]) -> None:
    """Check that a log of ``second`` entries begins with one of ``first`` (RFC 9162, section 2.1.4.2).

    A proof that shows anything else is a ``ProofError``.
    """
    if not 0 < first <= second:
        raise ProofError(f"there is no proof from {first} to {second} entries")
    if first == second:
        if proof or first_root != second_root:
            raise ProofError("two roots over the same entries")
        return
    path = list(proof) if first & (first - 1) else [first_root, *proof]
    if not path:
        raise ProofError("the proof is too short")
    place, last = first - 1, second - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    old = new = path[0]
    for sibling, on_the_left in _climb(place, last, path[1:]):
        if on_the_left:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
        else:
            new = node_hash(new, sibling)
    if old != first_root or new != second_root:
        raise ProofError(f"the log of {second} entries does not begin with the {first} that were signed before")


def _climb(place: int, last: int, proof: Sequence[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Go up a tree from a node, ``last`` being the last one of its row: each sibling, and whether it is on the left."""
    for sibling in proof:
        if last == 0:
            raise ProofError("the proof is too long")
        on_the_left = bool(place & 1) or place == last
        yield sibling, on_the_left
        while on_the_left and place and not place & 1:
            # The last node of a row without a partner goes up as it is.
            place, last = place >> 1, last >> 1
        place, last = place >> 1, last >> 1
    if last:
        raise ProofError("the proof is too short")

"""Proofs: those that are right lead to the root, and those that are not lead nowhere."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from countersign_verifier.tree import ProofError, check_consistency, leaf_hash, root_by_inclusion, root_of
from tests.strangers.logs import root

HASHES = [leaf_hash(b"%d" % number) for number in range(70)]


def path(index: int, hashes: list[bytes]) -> list[bytes]:
    """PATH of RFC 6962, section 2.1.1."""
    if len(hashes) == 1:
        return []
    split = 1 << (len(hashes) - 1).bit_length() - 1
    if index < split:
        return [*path(index, hashes[:split]), root(hashes[split:])]
    return [*path(index - split, hashes[split:]), root(hashes[:split])]


def subproof(first: int, hashes: list[bytes], whole: bool) -> list[bytes]:
    """SUBPROOF of RFC 6962, section 2.1.2."""
    if first == len(hashes):
        return [] if whole else [root(hashes)]
    split = 1 << (len(hashes) - 1).bit_length() - 1
    if first <= split:
        return [*subproof(first, hashes[:split], whole), root(hashes[split:])]
    return [*subproof(first - split, hashes[split:], False), root(hashes[:split])]


def test_rows_have_the_root_of_the_definition() -> None:
    for size in range(1, 70):
        assert root_of(b"".join(HASHES[:size])) == root(HASHES[:size])
    assert root_of(b"") == root([])


@given(st.integers(1, 70), st.data())
@settings(max_examples=60, deadline=None)
def test_inclusion(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    proof, top = path(index, HASHES[:size]), root(HASHES[:size])
    assert root_by_inclusion(HASHES[index], index, size, proof) == top
    for wrong in range(size):
        if wrong != index:
            try:
                assert root_by_inclusion(HASHES[index], wrong, size, proof) != top
            except ProofError:
                continue
    with pytest.raises(ProofError):
        root_by_inclusion(HASHES[index], index, size, [*proof, top])
    if proof:
        with pytest.raises(ProofError):
            root_by_inclusion(HASHES[index], index, size, proof[:-1])
    for outside in (-1, size):
        with pytest.raises(ProofError):
            root_by_inclusion(HASHES[index], outside, size, proof)


@given(st.integers(1, 70), st.data())
@settings(max_examples=60, deadline=None)
def test_consistency(second: int, data: st.DataObject) -> None:
    first = data.draw(st.integers(1, second))
    proof = subproof(first, HASHES[:second], whole=True)
    roots = root(HASHES[:first]), root(HASHES[:second])
    check_consistency(first, roots[0], second, roots[1], proof)
    for wrong in (
        (first, roots[1], second, roots[0], proof), (first, b"x" * 32, second, roots[1], proof),
        (first, roots[0], second, b"x" * 32, proof), (first, roots[0], second, roots[1], [*proof, roots[0]]),
        (0, roots[0], second, roots[1], proof), (second + 1, roots[0], second, roots[1], proof),
        (first, roots[0], second, roots[1], proof[:-1] or [b"x" * 32]),
    ):  # fmt: skip
        if first == second and wrong[:4] == (first, roots[1], second, roots[0]):
            continue
        with pytest.raises(ProofError):
            check_consistency(*wrong)

"""The tree against its definition in RFC 6962, section 2.1, and against the roots everybody's tests know."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countersign_audit.domain.tree import EMPTY_ROOT, Frontier, leaf_hash, node_hash

KNOWN_LEAVES = ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
KNOWN_ROOTS = (
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)


def by_definition(leaves: list[bytes]) -> bytes:
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return hashlib.sha256(b"\x01" + by_definition(leaves[:split]) + by_definition(leaves[split:])).digest()


def grown(leaves: list[bytes]) -> Frontier:
    frontier = Frontier()
    for leaf in leaves:
        frontier.append(leaf_hash(leaf))
    return frontier


def test_known_roots() -> None:
    leaves = [bytes.fromhex(text) for text in KNOWN_LEAVES]
    for size, root in enumerate(KNOWN_ROOTS, start=1):
        assert grown(leaves[:size]).root().hex() == root


def test_every_size_up_to_three_hundred_is_what_the_definition_says() -> None:
    leaves = [str(number).encode() for number in range(300)]
    frontier = Frontier()
    assert frontier.root() == EMPTY_ROOT == by_definition([])
    for size, leaf in enumerate(leaves, start=1):
        frontier.append(leaf_hash(leaf))
        assert frontier.size == size
        assert frontier.root() == by_definition(leaves[:size])


@given(st.lists(st.binary(max_size=40), max_size=70), st.lists(st.binary(max_size=40), max_size=70))
def test_a_packed_frontier_grows_on_like_the_tree_it_came_from(first: list[bytes], then: list[bytes]) -> None:
    frontier = grown(first)
    again = Frontier.unpack(frontier.size, frontier.pack())
    copied = frontier.copy()
    for leaf in then:
        again.append(leaf_hash(leaf))
    assert again.root() == by_definition(first + then)
    assert copied.root() == by_definition(first)


@pytest.mark.parametrize(("size", "data"), [(1, b""), (3, b"x" * 32), (0, b"x" * 32), (1, b"x" * 31)])
def test_a_frontier_that_does_not_fit_its_size_is_refused(size: int, data: bytes) -> None:
    with pytest.raises(ValueError, match="subtrees"):
        Frontier.unpack(size, data)


def test_a_leaf_cannot_pass_for_a_node() -> None:
    left, right = leaf_hash(b"a"), leaf_hash(b"b")
    assert leaf_hash(left + right) != node_hash(left, right)

"""Tiles, the edge of a growing log, and proofs out of tiles, against the definitions in RFC 6962."""

from __future__ import annotations

import hashlib
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from countersign_audit.domain import proofs
from countersign_audit.domain.tiles import WIDTH, Edge, Tile, parse_tile_path, tile_path, tiles_of
from countersign_audit.domain.tree import Frontier
from countersign_verifier.tree import check_consistency, root_by_inclusion, root_of

HASHES = [hashlib.sha256(b"%d" % number).digest() for number in range(70_000)]


def definition(hashes: list[bytes]) -> bytes:
    if len(hashes) == 1:
        return hashes[0]
    split = 1 << (len(hashes) - 1).bit_length() - 1
    return hashlib.sha256(b"\x01" + definition(hashes[:split]) + definition(hashes[split:])).digest()


def tile_data(size: int) -> dict[Tile, bytes]:
    """Every tile of a log by the words of tlog-tiles: MTH(D[(n * 256 + i) * 256**l : (n * 256 + i + 1) * 256**l])."""
    found, rows = {}, [HASHES[:size]]
    while rows[-1]:
        row = rows[-1]
        rows.append([definition(row[at : at + WIDTH]) for at in range(0, len(row) // WIDTH * WIDTH, WIDTH)])
    for tile in tiles_of(size):
        first = tile.number * WIDTH
        found[tile] = b"".join(rows[tile.level][first : first + tile.width])
    return found


@pytest.mark.parametrize(
    ("number", "width", "path"),
    [
        (0, 256, "tile/0/000"),
        (1_234_067, 256, "tile/0/x001/x234/067"),
        (999, 112, "tile/0/999.p/112"),
        (1_000, 1, "tile/0/x001/000.p/1"),
    ],
)
def test_paths_are_those_of_the_specification(number: int, width: int, path: str) -> None:
    assert tile_path(0, number, width) == path
    assert parse_tile_path(path.removeprefix("tile/")) == (Tile(0, number, width), False)
    entries = tile_path("entries", number, width)
    assert parse_tile_path(entries.removeprefix("tile/")) == (Tile(0, number, width), True)


@pytest.mark.parametrize(
    "path",
    ["", "0", "0/0", "0/00", "0/0000", "00/000", "64/000", "-1/000", "0/001/000", "0/x001/x000", "0/x000/001",
     "0/000.p/0", "0/000.p/256", "0/000.p/01", "0/000.p", "0/../000", "entries/x1/000", "x/000", "0/000/",
     "0/\u0660\u0660\u0660",     "0/x001/x001/x001/x001/x001/x001/000"],
)  # fmt: skip
def test_what_is_no_path_of_a_tile_is_none(path: str) -> None:
    assert parse_tile_path(path) is None


def test_the_example_of_the_specification() -> None:
    tiles = list(tiles_of(70_000))
    assert len([tile for tile in tiles if tile.level == 0]) == 274
    assert tiles[273] == Tile(0, 273, 112)
    assert tiles[274:] == [Tile(1, 0), Tile(1, 1, 17), Tile(2, 0, 1)]
    assert list(tiles_of(256)) == [Tile(0, 0), Tile(1, 0, 1)]
    assert list(tiles_of(0)) == []


@given(st.lists(st.integers(0, 700), max_size=6))
@settings(max_examples=15, deadline=None)
def test_an_edge_grows_as_the_tree_does_and_gives_every_tile_once(steps: list[int]) -> None:
    edge, tiles, frontier = Edge(), {}, Frontier()
    for step in steps:
        hashes = HASHES[edge.size : edge.size + step]
        edge, full = edge.grown(hashes)
        for one in hashes:
            frontier.append(one)
        for tile in full:
            assert tiles.setdefault((tile.level, tile.number), tile) is tile
        assert edge.root() == frontier.root()
        assert edge.frontier().pack() == frontier.pack()
    for tile, data in tile_data(edge.size).items():
        if tile.width == WIDTH:
            assert tiles[tile.level, tile.number].hashes == data
            assert tiles[tile.level, tile.number].root == root_of(data)
        else:
            assert edge.rows[tile.level] == data
    again, _ = Edge(edge.size, edge.rows).grown(HASHES[:3])
    assert again.root() == edge.grown(HASHES[:3])[0].root()


def test_an_edge_two_levels_up() -> None:
    edge, full = Edge().grown(HASHES)
    assert [(tile.level, tile.number) for tile in full[-2:]] == [(0, 272), (1, 0)]
    assert edge.root() == root_of(b"".join(HASHES))
    assert [len(row) // 32 for row in edge.rows] == [112, 17, 1]


@pytest.mark.parametrize(("size", "rows"), [(1, []), (0, [b"x" * 32]), (257, [b"x" * 32]), (3, [b"x" * 95])])
def test_an_edge_that_does_not_fit_its_size_is_refused(size: int, rows: list[bytes]) -> None:
    with pytest.raises(ValueError, match="edge"):
        Edge(size, rows)


BIG = (65_535, 65_536, 65_537, 70_000)


@cache
def root_over(size: int) -> bytes:
    return root_of(b"".join(HASHES[:size]))


@cache
def tile_hashes(tile: Tile) -> bytes:
    return b"".join(
        root_of(b"".join(HASHES[at : at + 256**tile.level]))
        for at in range(tile.number * 256 ** (tile.level + 1), tile.end, 256**tile.level)
    )


def sizes() -> st.SearchStrategy[int]:
    return st.one_of(st.integers(1, 600), st.sampled_from([255, 256, 257, 511, 512, *BIG]))


@given(sizes(), st.data())
@settings(max_examples=40, deadline=None)
def test_proofs_of_inclusion_lead_to_the_root(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    spans = proofs.inclusion(index, size)
    needed = proofs.tiles_for(spans, size)
    assert len(needed) <= 6
    tiles = proofs.Tiles(fetched(needed, size))
    assert root_by_inclusion(HASHES[index], index, size, tiles.proof(spans)) == root_over(size)


@given(sizes(), st.data())
@settings(max_examples=40, deadline=None)
def test_proofs_of_consistency_join_two_sizes(second: int, data: st.DataObject) -> None:
    first = data.draw(st.sampled_from([*range(1, min(second, 600) + 1), *(n for n in BIG if n <= second)]))
    spans = proofs.consistency(first, second)
    tiles = proofs.Tiles(fetched(proofs.tiles_for(spans, second), second))
    check_consistency(first, root_over(first), second, root_over(second), tiles.proof(spans))


def fetched(needed: set[Tile], size: int) -> dict[Tile, list[bytes]]:
    assert all(tile.end <= size and tile.width > 0 for tile in needed)
    return {tile: [tile_hashes(tile)] for tile in needed}


@pytest.mark.parametrize(("index", "size"), [(-1, 5), (5, 5), (0, 0)])
def test_there_is_no_proof_of_what_is_not_there(index: int, size: int) -> None:
    with pytest.raises(ValueError, match="entry"):
        proofs.inclusion(index, size)


@pytest.mark.parametrize(("first", "second"), [(0, 5), (6, 5), (0, 0)])
def test_there_is_no_proof_from_nothing_or_backwards(first: int, second: int) -> None:
    with pytest.raises(ValueError, match="no proof"):
        proofs.consistency(first, second)

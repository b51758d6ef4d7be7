"""Bodies at rest come back byte for byte, for ever."""

import hashlib

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from countersign_shared.contracts.topics import contracts_dir
from countersign_shared.postgres.bodies import DICTIONARIES, Bodies

BODIES = Bodies()


@given(st.binary(max_size=5000))
def test_any_bytes_come_back(body):
    assert BODIES.unpack(BODIES.pack(body)) == body


def test_events_shrink_to_a_quarter_or_less():
    bodies = [path.read_bytes() for path in contracts_dir().glob("examples/case.routed/*.json")]
    assert bodies
    assert sum(len(BODIES.pack(body)) for body in bodies) < sum(map(len, bodies)) / 4


FOR_EVER = [
    (
        "8d6161bc23e1d069da9600f4396d00e94205fc99c8621055eb808fde0da115f1",
        "28b52ffd2700293501277d0000406c6f616e2d31227d01002ea6a940cca4c116",
    ),
    (
        "824806dfb1eb4d6af1125fe4ac239eb7b0df4135a9b0f4a85d7589bac34b7281",
        "28b52ffd2709293501275500001831227d0100671f5981cca4c116",
    ),
]
"""What each dictionary is, and a row packed with it: one that changed could not read its rows any more."""


@pytest.mark.parametrize(("path", "kept"), list(zip(DICTIONARIES, FOR_EVER, strict=True)))
def test_what_a_dictionary_packed_stays_readable(path, kept):
    digest, row = kept
    assert hashlib.sha256(path.read_bytes()).hexdigest() == digest
    assert BODIES.unpack(bytes.fromhex(row)) == b'{"tenant":"default","case_id":"loan-1"}'


def test_the_newest_dictionary_packs():
    number = zstandard.get_frame_parameters(BODIES.pack(b"{}")).dict_id
    assert number == zstandard.ZstdCompressionDict(DICTIONARIES[-1].read_bytes()).dict_id()


def test_a_dictionary_of_a_later_version_is_named():
    samples = [b'{"number":%d,"text":"of a later version"}' % number for number in range(999)]
    later = zstandard.train_dictionary(1024, samples, dict_id=77)
    stored = zstandard.ZstdCompressor(dict_data=later).compress(b"{}")
    with pytest.raises(ValueError, match="later version: dictionary 77"):
        BODIES.unpack(stored)


@pytest.mark.parametrize("damaged", [b"", b"plain", BODIES.pack(b"x" * 100)[:-1], BODIES.pack(b"abc")[:-1] + b"\x00"])
def test_damage_is_noticed(damaged):
    with pytest.raises(ValueError, match="packed body"):
        BODIES.unpack(damaged)

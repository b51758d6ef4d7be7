"""Bodies at rest come back byte for byte, for ever."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countersign_shared.contracts.topics import contracts_dir
from countersign_shared.postgres.bodies import DICTIONARY, Bodies

BODIES = Bodies()


@given(st.binary(max_size=5000))
def test_any_bytes_come_back(body):
    assert BODIES.unpack(BODIES.pack(body)) == body


def test_events_shrink_to_a_quarter_or_less():
    bodies = [path.read_bytes() for path in contracts_dir().glob("examples/case.routed/*.json")]
    assert bodies
    assert sum(len(BODIES.pack(body)) for body in bodies) < sum(map(len, bodies)) / 4


def test_the_dictionary_never_changes():
    # Rows written with it could not be read any more; a better one gets a file of its own.
    digest = "8d6161bc23e1d069da9600f4396d00e94205fc99c8621055eb808fde0da115f1"
    assert hashlib.sha256(DICTIONARY.read_bytes()).hexdigest() == digest


def test_a_stored_row_stays_readable():
    row = bytes.fromhex("28b52ffd2700293501277d0000406c6f616e2d31227d01002ea6a940cca4c116")
    assert BODIES.unpack(row) == b'{"tenant":"default","case_id":"loan-1"}'


@pytest.mark.parametrize("damaged", [b"", b"plain", BODIES.pack(b"x" * 100)[:-1], BODIES.pack(b"abc")[:-1] + b"\x00"])
def test_damage_is_noticed(damaged):
    with pytest.raises(ValueError, match="packed body"):
        BODIES.unpack(damaged)

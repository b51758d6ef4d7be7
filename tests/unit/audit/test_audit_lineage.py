"""Names and keys under which a log has signed, as its own entries say."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from countersign_audit.custody.keys import verify_signature
from countersign_audit.domain.lineage import REMARKS, Lineage, LineageError, Signer, is_remark
from countersign_audit.domain.note import Checkpoint, VerifierKey, signed_note

SECRETS = [Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32) for number in range(4)]
FIRST, SECOND, STRANGER = (VerifierKey("log", SECRETS[at].public_key().public_bytes_raw()) for at in (0, 1, 3))
THIRD = VerifierKey("log/from-9", SECRETS[2].public_key().public_bytes_raw())


def own(kind: str, key: VerifierKey, before: VerifierKey | None = None, **more: Any) -> bytes:
    replaced = {} if before is None else {"previous_verifier_key": before.text()}
    return json.dumps({"kind": kind, "verifier_key": key.text(), **replaced, **more}).encode()


GENESIS = (0, own("log.genesis", FIRST))
ROTATED = (5, own("log.key_rotated", SECOND, FIRST))
LOST = (9, own("log.recovered", THIRD, SECOND, lost={"last_index": 11}))


def test_every_key_signs_up_to_its_end_and_the_last_one_goes_on() -> None:
    found = Lineage.read([GENESIS, ROTATED, LOST])
    assert found == Lineage((Signer(FIRST, 6), Signer(SECOND, 9), Signer(THIRD)), lost=12)
    assert found.current == THIRD
    assert [found.key_for(size) for size in (0, 6, 7, 9, 10)] == [FIRST, FIRST, SECOND, SECOND, THIRD]
    assert Lineage.read([]) is None
    # A later loss of less does not make the earlier one smaller.
    assert found.recovered(10, STRANGER, lost=3).lost == 12
    assert found.recovered(10, STRANGER, lost=30).lost == 30


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ((5, own("log.key_rotated", SECOND, STRANGER)), "entry 5 replaces a key that was not the log's"),
        ((5, own("log.key_rotated", SECOND)), "entry 5 replaces a key that was not the log's"),
        ((5, own("log.key_rotated", SECOND, FIRST).replace(b"log+", b"lag+", 1)), "entry 5 "),
        ((5, b"["), "entry 5 cannot be read"),
        ((5, b"[" * 100_000), "entry 5 cannot be read"),
        ((5, b"[]"), "entry 5 is no JSON object"),
    ],
)
def test_an_entry_that_does_not_follow_from_those_before_it_is_refused(entry: tuple[int, bytes], why: str) -> None:
    with pytest.raises(LineageError, match=why):
        Lineage.read([GENESIS, entry])


def test_what_came_in_from_outside_names_no_key_and_is_no_remark() -> None:
    claimed = (5, own("log.key_rotated", STRANGER, FIRST, topic="case.created"))
    assert Lineage.read([GENESIS, claimed]) == Lineage.begun(FIRST)
    for kind in REMARKS:
        assert is_remark({"kind": kind})
        assert not is_remark({"kind": kind, "topic": "case.created"})
    assert not is_remark({"kind": "log.genesis"})


def test_a_log_goes_on_under_a_name_that_has_signed_nothing() -> None:
    found = Lineage.begun(FIRST)
    assert found.renamed(9, ()) == "log/from-9"
    assert found.renamed(9, {"log/from-9"}) == "log/from-9-2"
    after = Lineage.read([GENESIS, ROTATED, LOST])
    assert after is not None
    assert after.renamed(9, {"log/from-9-2"}) == "log/from-9-3"
    named = {name: after.may_have_been(name) for name in ("log", "log/from-4", "log/other", "logs")}
    assert named == {"log": True, "log/from-4": True, "log/other": False, "logs": False}


def test_a_note_is_opened_with_the_key_that_signed_it() -> None:
    found = Lineage.read([GENESIS, ROTATED])
    assert found is not None
    for at, signer in ((0, Signer(FIRST, 6)), (1, Signer(SECOND)), (3, None)):
        key = (FIRST, SECOND, THIRD, STRANGER)[at]
        note = signed_note(Checkpoint("log", 4, b"r" * 32), key, SECRETS[at].sign)
        assert found.opened(note, verify_signature) == (signer and (signer, 4, b"r" * 32))

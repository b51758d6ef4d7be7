"""Checkpoints, byte for byte as C2SP signed-note and tlog-checkpoint have them."""

from __future__ import annotations

import base64
import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from countersign_audit.custody.keys import verify_signature
from countersign_audit.domain.note import (
    Checkpoint,
    NoteError,
    VerifierKey,
    open_note,
    parse_checkpoint,
    parse_verifier_key,
    signed_note,
)
from countersign_audit.settings import Settings

SIGNER = Ed25519PrivateKey.from_private_bytes(b"s" * 32)
KEY = VerifierKey("example.org/log", SIGNER.public_key().public_bytes_raw())
CHECKPOINT = Checkpoint("example.org/log", 42, b"r" * 32)
NOTE = signed_note(CHECKPOINT, KEY, SIGNER.sign)

# The worked example of the documentation of golang.org/x/mod/sumdb/note: another implementation's key and signature.
GO_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_NOTE = (
    "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n"
    "\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)


def test_the_note_has_three_lines_an_empty_one_and_a_signature_and_no_more() -> None:
    text, signature = NOTE.decode().split("\n\n")
    assert text.split("\n") == ["example.org/log", "42", base64.b64encode(b"r" * 32).decode()]
    assert signature.endswith("\n")
    assert signature.count("\n") == 1
    dash, name, encoded = signature.rstrip("\n").split(" ")
    assert (dash, name) == ("\u2014", "example.org/log")
    data = base64.b64decode(encoded)
    assert data[:4] == hashlib.sha256(b"example.org/log\n\x01" + KEY.public_key).digest()[:4]
    SIGNER.public_key().verify(data[4:], (text + "\n").encode())


def test_a_note_opens_with_the_key_that_signed_it() -> None:
    assert open_note(NOTE, parse_verifier_key(KEY.text()), verify_signature) == CHECKPOINT


def test_another_implementations_key_and_signature_are_understood() -> None:
    key = parse_verifier_key(GO_KEY)
    assert key.text() == GO_KEY
    with pytest.raises(NoteError, match="three lines"):
        # The signature is genuine, so it is the text, no checkpoint, that is refused.
        open_note(GO_NOTE.encode(), key, verify_signature)
    with pytest.raises(NoteError, match="not genuine"):
        open_note(GO_NOTE.replace("cryptography", "Cryptography").encode(), key, verify_signature)


def test_signatures_of_witnesses_are_passed_over() -> None:
    witness = Ed25519PrivateKey.from_private_bytes(b"w" * 32)
    other = VerifierKey("witness.example", witness.public_key().public_bytes_raw())
    line = signed_note(CHECKPOINT, other, witness.sign).decode().split("\n\n")[1]
    assert open_note(NOTE + line.encode(), KEY, verify_signature) == CHECKPOINT


@pytest.mark.parametrize(
    ("note", "why"),
    [
        (NOTE + b"\n", "note is a text|signature"),
        (NOTE.replace(b"\n42\n", b"\n43\n"), "not genuine"),
        (NOTE.replace(b"\n\n", b"\n"), "empty line"),
        (NOTE.replace("\u2014".encode(), b"-"), "em dash"),
        (NOTE[:-1], "newline"),
        (b"\xff" + NOTE, "UTF-8"),
        (b"\x01" + NOTE, "control"),
        (b"x" * 5000, "longer"),
        (NOTE.split(b"\n\n")[0] + b"\n\n\xe2\x80\x94 example.org/log AAAA\n", "five bytes"),
        (signed_note(CHECKPOINT, VerifierKey("other", KEY.public_key), SIGNER.sign), "no signature of"),
    ],
)
def test_a_damaged_note_is_refused_with_the_reason(note: bytes, why: str) -> None:
    with pytest.raises(NoteError, match=why):
        open_note(note, KEY, verify_signature)


def test_a_checkpoint_of_another_log_is_refused_though_the_key_signed_it() -> None:
    foreign = signed_note(Checkpoint("example.org/other", 1, b"r" * 32), KEY, SIGNER.sign)
    with pytest.raises(NoteError, match="is about"):
        open_note(foreign, KEY, verify_signature)


@pytest.mark.parametrize(
    "text",
    [
        "log\n042\n" + "A" * 43 + "=\n",
        "log\n-1\n" + "A" * 43 + "=\n",
        "log\n1\nAAAA\n",
        "log\n1\n%%%%\n",
        "log\n1\n",
        "log\n1\n\n" + "A" * 43 + "=\n",
    ],
)
def test_a_malformed_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(NoteError):
        parse_checkpoint(text)


def test_extension_lines_are_allowed() -> None:
    assert parse_checkpoint(CHECKPOINT.text() + "more\n") == CHECKPOINT


@pytest.mark.parametrize(
    "text", ["", "a+b", "a b+00000000+AQ==", KEY.text().replace("+", "+0", 1), "name+00000000+Ag=="]
)
def test_a_damaged_verifier_key_is_refused(text: str) -> None:
    with pytest.raises(NoteError):
        parse_verifier_key(text)


@given(st.integers(0, 2**62), st.binary(min_size=32, max_size=32))
def test_what_is_signed_is_what_is_read(size: int, root: bytes) -> None:
    checkpoint = Checkpoint("example.org/log", size, root)
    assert open_note(signed_note(checkpoint, KEY, SIGNER.sign), KEY, verify_signature) == checkpoint


@given(st.binary(max_size=300))
def test_any_bytes_are_refused_without_a_crash(data: bytes) -> None:
    with pytest.raises(NoteError):
        open_note(data, KEY, verify_signature)


@pytest.mark.parametrize("name", ["bell\x07", "\x1b[2J", "log\x1c", "a b", "a+b", "log\n"])
def test_no_log_begins_under_a_name_that_its_checkpoints_could_not_bear(name: str) -> None:
    with pytest.raises(ValidationError, match="pattern"):
        Settings(database_url="d", kafka_bootstrap_servers="k", audit_log_name=name)

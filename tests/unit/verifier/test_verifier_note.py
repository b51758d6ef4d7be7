"""Keys, notes and checkpoints, against the specification's own example and against whatever is not one."""

from __future__ import annotations

import base64

import pytest

from countersign_verifier.note import NoteError, open_checkpoint, parse_key
from tests.strangers.logs import KEY, ORIGIN, OTHER_KEY, key_bytes, key_id, note, sha256, vkey

ROOT = b"r" * 32
GENUINE = note(7, ROOT)
SAID = (ORIGIN, "7", base64.b64encode(ROOT).decode())
LONG = key_bytes(KEY) + b"x"


def signed(text: str, *lines: str) -> bytes:
    encoded = base64.b64encode(key_id(KEY) + KEY.sign(text.encode())).decode()
    return "\n".join([text, *lines, f"\N{EM DASH} {ORIGIN} {encoded}", ""]).encode()


def key_of(identity: bytes, data: bytes) -> str:
    return f"{ORIGIN}+{identity.hex()}+{base64.b64encode(data).decode()}"


def text(*lines: str) -> str:
    return "".join(f"{line}\n" for line in lines)


def test_a_key_is_read_and_written_as_it_was() -> None:
    assert parse_key(vkey()).text == vkey()
    assert parse_key(f"  {vkey()}\n").name == ORIGIN


@pytest.mark.parametrize(
    "damaged",
    [
        "", "name", "name+00000000", "a b+00000000+AAAA", "+00000000+AAAA", vkey()[:-4], vkey() + "=",
        vkey().replace(ORIGIN, "other.example/log"), vkey().upper(), f"{ORIGIN}+{key_id(KEY).hex()}+!!!!",
        f"{ORIGIN}+{key_id(KEY).hex()}+{base64.b64encode(b'x01' + b'k' * 32).decode()}",
        # Whole but for one thing each: a name of two words, none, another kind of key, a byte too many.
        vkey(origin="two words"), vkey(origin=""),
        key_of(key_id(KEY), b"\x02" + key_bytes(KEY)[1:]), key_of(sha256(ORIGIN.encode() + b"\n" + LONG)[:4], LONG),
    ],
)  # fmt: skip
def test_a_damaged_key_is_refused(damaged: str) -> None:
    with pytest.raises(NoteError):
        parse_key(damaged)


def test_a_checkpoint_says_what_was_signed() -> None:
    found = open_checkpoint(GENUINE, parse_key(vkey()))
    assert (found.origin, found.size, found.root) == (ORIGIN, 7, ROOT)


def test_signatures_of_others_and_further_lines_are_passed_over() -> None:
    encoded = base64.b64encode(ROOT).decode()
    witness = f"\N{EM DASH} witness.example {base64.b64encode(b'abcd' + b's' * 72).decode()}"
    long = f"\N{EM DASH} quantum.example {base64.b64encode(b'abcd' + b's' * 5_000).decode()}"
    said = signed(text(ORIGIN, "7", encoded, "extension line"), witness, *[long] * 15)
    assert open_checkpoint(said, parse_key(vkey())).size == 7
    # Of the same name under another key, and of another name under the same id.
    for name, begins in ((ORIGIN, b"abcd"), ("witness.example", key_id(KEY))):
        other = f"\N{EM DASH} {name} {base64.b64encode(begins + b's' * 64).decode()}"
        assert open_checkpoint(signed(text(ORIGIN, "7", encoded), other), parse_key(vkey())).size == 7


@pytest.mark.parametrize(
    ("name", "damaged"),
    [
        ("another key", note(7, ROOT, OTHER_KEY)),
        ("another origin", note(7, ROOT, origin="other.example/log", signed_as=ORIGIN)),
        ("altered size", GENUINE.replace(b"\n7\n", b"\n8\n")),
        ("an empty line more", GENUINE + b"\n"),
        ("no last newline", GENUINE[:-1]),
        ("carriage returns", GENUINE.replace(b"\n", b"\r\n")),
        ("not UTF-8", b"\xff" + GENUINE),
        ("no signature", GENUINE.partition(b"\n\n")[0] + b"\n\n"),
        ("too long", GENUINE + b"x" * 200_000),
        ("a hyphen for a dash", GENUINE.replace("\N{EM DASH}".encode(), b"-")),
        ("leading zero", signed(text(ORIGIN, "07", base64.b64encode(ROOT).decode()))),
        ("short root", signed(text(ORIGIN, "7", base64.b64encode(b"r" * 31).decode()))),
        ("two spellings of the root", signed(text(ORIGIN, "7", "cnJycnJycnJycnJycnJycnJycnJycnJycnJycnJycnJ="))),
        ("two lines", signed(text(ORIGIN, "7"))),
        ("an empty line within", signed(text(ORIGIN, "", "7", base64.b64encode(ROOT).decode()))),
        ("an empty line in what follows", signed(text(*SAID, "", "more"))),
        ("too long, but whole", signed(text(*SAID, "x" * 140_000))),
        ("a bell", signed(text(*SAID, "\x07"))),
        ("a line that is no signature", signed(text(*SAID), "witness.example YWJjZHM=")),
        ("a signature without a name", signed(text(*SAID), "\N{EM DASH} a+b YWJjZHM=")),
        ("a signature of no bytes", signed(text(*SAID), "\N{EM DASH} witness.example YWJjZA==")),
        ("nothing", b""),
    ],
)  # fmt: skip
def test_what_is_no_checkpoint_of_this_key_is_refused(name: str, damaged: bytes) -> None:
    with pytest.raises(NoteError):
        open_checkpoint(damaged, parse_key(vkey()))

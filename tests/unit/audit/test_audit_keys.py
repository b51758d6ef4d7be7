"""The keys directory: made once, private, never replaced, and every fault said with what to do."""

from __future__ import annotations

import os
import secrets
from dataclasses import replace
from pathlib import Path

import pytest

from countersign_audit.custody.keys import create_keys, key_before, load_keys, replace_signing_key
from countersign_audit.writing.sealing import KeyWrap, SealError, subject_key
from countersign_shared.errors import ConfigurationError


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    create_keys(tmp_path / "keys", secrets.token_bytes)
    return tmp_path / "keys"


def test_keys_are_made_private_and_stay_as_they_are(directory: Path) -> None:
    before = {path.name: path.read_bytes() for path in directory.iterdir()}
    assert set(before) == {"signing.key", "pseudonyms.key", "epoch-0001.key"}
    assert {path.stat().st_mode & 0o777 for path in directory.iterdir()} == {0o600}
    assert directory.stat().st_mode & 0o777 == 0o700
    create_keys(directory, secrets.token_bytes)
    assert {path.name: path.read_bytes() for path in directory.iterdir()} == before


def test_the_highest_epoch_wraps(directory: Path) -> None:
    (directory / "epoch-0007.key").write_bytes((directory / "epoch-0001.key").read_bytes())
    (directory / "epoch-0007.key").chmod(0o600)
    assert load_keys(directory).epoch == 7


@pytest.mark.parametrize("name", ["signing.key", "pseudonyms.key", "epoch-0001.key"])
def test_a_key_that_others_could_read_is_refused(directory: Path, name: str) -> None:
    (directory / name).chmod(0o640)
    with pytest.raises(ConfigurationError, match=rf"open to others \(640\): chmod 600 .*{name}"):
        load_keys(directory)


def test_a_directory_that_others_could_enter_is_refused(directory: Path) -> None:
    directory.chmod(0o755)
    with pytest.raises(ConfigurationError, match="chmod 700"):
        load_keys(directory)


@pytest.mark.parametrize("name", ["signing.key", "pseudonyms.key", "epoch-0001.key"])
def test_a_lost_key_is_said_and_not_made_anew(directory: Path, name: str) -> None:
    (directory / name).unlink()
    with pytest.raises(ConfigurationError, match="restore"):
        load_keys(directory)
    assert not (directory / name).exists()


@pytest.mark.parametrize(("content", "why"), [(b"AAAA\n", "3 bytes"), (b"%%%", "cannot be read"), (b"", "0 bytes")])
def test_a_damaged_key_is_refused(directory: Path, content: bytes, why: str) -> None:
    (directory / "signing.key").write_bytes(content)
    with pytest.raises(ConfigurationError, match=why):
        load_keys(directory)


@pytest.mark.parametrize("where", ["fsync", "link", "replace"])
def test_a_rotation_that_ends_half_way_leaves_the_key_in_force_and_can_be_done_again(
    directory: Path, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_keys(directory, secrets.token_bytes)
    before = load_keys(directory).verifier_key("log")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, where, full)
        with pytest.raises(ConfigurationError, match="No space left"):
            replace_signing_key(directory, secrets.token_bytes)
    assert load_keys(directory).verifier_key("log") == before
    replace_signing_key(directory, secrets.token_bytes)
    after = load_keys(directory)
    assert after.verifier_key("log") != before
    old = key_before(directory, None)
    assert old is not None
    assert replace(after, signing=old).verifier_key("log") == before
    # One that was put aside and not gone over from yet stays.
    with pytest.raises(ConfigurationError, match="still there"):
        replace_signing_key(directory, secrets.token_bytes)
    assert sorted(one.name for one in directory.iterdir() if one.suffix == ".new") == []


def test_a_missing_directory_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="AUDIT_KEYS_DIR"):
        load_keys(tmp_path / "nowhere")
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="cannot be written"):
        create_keys(tmp_path / "file" / "keys", secrets.token_bytes)


def test_a_sealed_payload_opens_only_where_it_belongs() -> None:
    wrap = KeyWrap({1: b"e" * 32})
    data_key = secrets.token_bytes(32)
    wrapped = wrap.wrap(data_key, b"n" * 12, b"case", 1)
    assert wrap.unwrap(1, wrapped, b"case", 1) == data_key
    for epoch, scope, number in ((2, b"case", 1), (1, b"other", 1), (1, b"case", 2)):
        with pytest.raises(SealError):
            wrap.unwrap(epoch, wrapped, scope, number)
    key = subject_key(data_key, b"case", 1, None)
    sealed = key.seal(b"m" * 12, b"content")
    assert key.open(sealed) == b"content"
    assert b"content" not in sealed
    for altered in (sealed[:-1], sealed[:-1] + bytes([sealed[-1] ^ 1]), b"", b"x" * 11):
        with pytest.raises(SealError):
            key.open(altered)
    with pytest.raises(SealError):
        subject_key(data_key, b"case", 2, None).open(sealed)

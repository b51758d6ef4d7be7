"""What must outlive a power failure: anchors, and the keys of the log."""

from __future__ import annotations

import os
import secrets
from datetime import UTC, datetime
from pathlib import Path

import pytest

from countersign_audit.custody.anchors import DirectoryPlace
from countersign_audit.custody.keys import add_epoch_key, create_keys, replace_signing_key
from countersign_audit.custody.rewrapping import Epochs, destroy_epoch_key
from countersign_audit.store import CheckpointRow
from tests.unit.audit.disk import Disk

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch)


async def test_an_anchor_is_on_the_disk_once_it_is_kept_the_hours_as_well(tmp_path: Path, disk: Disk) -> None:
    directory = tmp_path / "disk" / "anchors"
    place = DirectoryPlace(directory)
    assert await place.notes() == []
    await place.keep(CheckpointRow(5, b"", b"first", b"", NOW))
    hourly = directory / "checkpoints" / "2026-01-02T03.note"
    assert hourly.read_bytes() == b"first"
    assert disk.would_keep(directory / "checkpoint", hourly)
    await place.keep(CheckpointRow(6, b"", b"second", b"", NOW))
    assert disk.would_keep(directory / "checkpoint", hourly)
    assert await place.notes() == [b"first", b"second"]


def test_keys_are_on_the_disk_before_a_log_begins_with_them(tmp_path: Path, disk: Disk) -> None:
    directory = tmp_path / "keys"
    create_keys(directory, secrets.token_bytes)
    assert disk.would_keep(*(directory / name for name in ("signing.key", "pseudonyms.key", "epoch-0001.key")))


def test_a_new_key_and_the_one_before_it_are_on_the_disk_before_the_log_goes_over(tmp_path: Path, disk: Disk) -> None:
    create_keys(tmp_path / "keys", secrets.token_bytes)
    replace_signing_key(tmp_path / "keys", secrets.token_bytes)
    assert disk.would_keep(tmp_path / "keys" / "signing.key", tmp_path / "keys" / "signing-before.key")
    assert disk.would_keep(add_epoch_key(tmp_path / "keys", secrets.token_bytes))


def test_the_blocks_of_a_destroyed_key_are_written_over_before_its_name_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = tmp_path / "keys"
    create_keys(directory, secrets.token_bytes)
    add_epoch_key(directory, secrets.token_bytes)
    path = directory / "epoch-0001.key"
    on_disk: list[bytes] = []

    def synced(descriptor: int) -> None:
        if os.path.samestat(os.fstat(descriptor), path.stat()):
            on_disk.append(path.read_bytes())

    monkeypatch.setattr(os, "fsync", synced)
    with monkeypatch.context() as patched:
        # Nothing waits for the disk in vain: the name goes last.
        patched.setattr(Path, "unlink", lambda _: on_disk.append(b"gone"))
        destroy_epoch_key(directory, 1, Epochs({}, 2, completed=True))
    assert [one.strip() for one in on_disk] == [b"", b"gone"]

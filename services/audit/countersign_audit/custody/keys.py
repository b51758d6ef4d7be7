"""The keys of a log: files in one directory outside the database, for nobody else to read.

    signing.key      signs checkpoints (Ed25519 seed)
    pseudonyms.key   names cases and subjects in leaves
    epoch-0001.key   wraps data keys; later epochs follow, old ones are destroyed with what they protect

Each holds 32 bytes in base64 on one line. Whoever has the database without these files can read no payload;
whoever has both can read all of them, so they are backed up apart.
"""

import base64
import binascii
import os
import re
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from countersign_audit.custody.durable import make_directory, settle
from countersign_audit.domain.commitments import KEY_BYTES
from countersign_audit.domain.note import VerifierKey
from countersign_shared.errors import ConfigurationError

Random = Callable[[int], bytes]
"""Gives that many unpredictable bytes."""

SIGNING = "signing.key"
SIGNING_BEFORE = "signing-before.key"
PSEUDONYMS = "pseudonyms.key"
EPOCH = re.compile(r"epoch-(\d{4})\.key")
FIRST_EPOCH = 1
OTHERS = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True, slots=True)
class LogKeys:
    """Every key of one log; ``epochs`` by number, the highest wraps new data keys."""

    signing: Ed25519PrivateKey
    pseudonyms: bytes
    epochs: Mapping[int, bytes]

    @property
    def epoch(self) -> int:
        """The epoch in force."""
        return max(self.epochs)

    def verifier_key(self, origin: str) -> VerifierKey:
        """Return the public key under the log's name, as it is handed to those who verify."""
        return VerifierKey(origin, self.signing.public_key().public_bytes_raw())


def verify_signature(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Tell whether an Ed25519 signature is genuine."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except InvalidSignature:
        return False
    return True


def create_keys(directory: Path, random: Random) -> None:
    """Make the keys that are missing; existing files are left as they are.

    For a log that has no entry yet: a log whose keys are lost must not go on under new ones unnoticed.
    """
    directory = directory.expanduser()
    try:
        make_directory(directory, 0o700)
        for name in (SIGNING, PSEUDONYMS, f"epoch-{FIRST_EPOCH:04d}.key"):
            _create(directory / name, random)
    except OSError as error:
        raise ConfigurationError(f"AUDIT_KEYS_DIR {directory} cannot be written: {error}") from error


def replace_signing_key(directory: Path, random: Random) -> None:
    """Put the signing key aside as ``signing-before.key`` and make a new one; both are needed at the next start.

    One that was put aside before is a ``ConfigurationError``: the log may not have gone over from it yet. Whenever this
    ends half-way, the key in force is there.
    """
    directory = directory.expanduser()
    old, current = directory / SIGNING_BEFORE, directory / SIGNING
    present = _read(current)
    if old.exists() and _read(old) != present:
        raise ConfigurationError(
            f"{old} is still there: start audit once, so that it goes over to the new key, then destroy the file"
        )
    try:
        fresh = _fresh(current, random)
        try:
            if not old.exists():
                old.hardlink_to(current)
                settle(directory)
            fresh.replace(current)
            settle(directory)
        finally:
            fresh.unlink(missing_ok=True)
    except OSError as error:
        raise ConfigurationError(f"{directory} cannot be written: {error}") from error


def key_before(directory: Path, given: str | None) -> Ed25519PrivateKey | None:
    """Return the signing key before the one in force, if it is at hand."""
    path = directory.expanduser() / SIGNING_BEFORE
    if given is not None:
        return Ed25519PrivateKey.from_private_bytes(seed_of(given.encode(), "AUDIT_SIGNING_KEY_BEFORE"))
    if not path.exists():
        return None
    return Ed25519PrivateKey.from_private_bytes(seed_of(path.read_bytes(), str(path)))


def add_epoch_key(directory: Path, random: Random) -> Path:
    """Make the key of the next epoch; the next start of audit begins it."""
    directory = directory.expanduser()
    path = directory / f"epoch-{load_keys(directory).epoch + 1:04d}.key"
    try:
        _create(path, random)
    except OSError as error:
        raise ConfigurationError(f"{directory} cannot be written: {error}") from error
    return path


def load_keys(directory: Path, signing: str | None = None) -> LogKeys:
    """Read the keys; missing, damaged or readable by others is a ``ConfigurationError`` that says what to do.

    ``signing`` is the signing key as its file would hold it, for who keeps it elsewhere; the file is then not read.
    """
    directory = directory.expanduser()
    if not directory.is_dir():
        raise ConfigurationError(f"AUDIT_KEYS_DIR {directory} is missing: restore the log's keys from their backup")
    _check_private(directory)
    epochs = {
        int(match[1]): _read(path) for path in sorted(directory.iterdir()) if (match := EPOCH.fullmatch(path.name))
    }
    if not epochs:
        raise ConfigurationError(f"{directory} holds no epoch-NNNN.key: restore the log's keys from their backup")
    seed = _read(directory / SIGNING) if signing is None else seed_of(signing.encode(), "AUDIT_SIGNING_KEY")
    return LogKeys(
        signing=Ed25519PrivateKey.from_private_bytes(seed),
        pseudonyms=_read(directory / PSEUDONYMS), epochs=epochs,
    )  # fmt: skip


def _create(path: Path, random: Random) -> None:
    if path.exists():
        return
    fresh = _fresh(path, random)
    try:
        # A link, unlike a rename, never replaces what another process made meanwhile.
        path.hardlink_to(fresh)
    except FileExistsError:
        return
    finally:
        fresh.unlink()
    # What is signed or wrapped with it may outlive a crash, and without it is worth nothing.
    settle(path.parent)


def _fresh(path: Path, random: Random) -> Path:
    """Write a new key beside where it is to lie, whole and durable."""
    fresh = path.with_suffix(f".{random(4).hex()}.new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(base64.b64encode(random(KEY_BYTES)) + b"\n")
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        fresh.unlink()
        raise
    return fresh


def _read(path: Path) -> bytes:
    try:
        _check_private(path)
        return seed_of(path.read_bytes(), str(path))
    except FileNotFoundError as error:
        raise ConfigurationError(f"{path} is missing: restore the log's keys from their backup") from error
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error}") from error


def seed_of(text: bytes, where: str) -> bytes:
    """Read a key as files hold it; anything but 32 bytes in base64 is a ``ConfigurationError`` that names where."""
    try:
        data = base64.b64decode(text.strip(), validate=True)
    except binascii.Error as error:
        raise ConfigurationError(f"{where} cannot be read: {error}") from error
    if len(data) != KEY_BYTES:
        raise ConfigurationError(f"{where} holds {len(data)} bytes, not {KEY_BYTES}: restore it from its backup")
    return data


def _check_private(path: Path) -> None:
    mode = path.stat().st_mode
    if mode & OTHERS:
        fix = "700" if stat.S_ISDIR(mode) else "600"
        raise ConfigurationError(f"{path} is open to others ({stat.S_IMODE(mode):o}): chmod {fix} {path}")

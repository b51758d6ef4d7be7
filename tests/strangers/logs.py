"""Small logs as directories, written from the specification and by nothing of ours, and ways to tamper with them."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

ORIGIN = "countersign.example/log"
KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
OTHER_KEY = Ed25519PrivateKey.from_private_bytes(b"o" * 32)
WIDTH = 256


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def key_bytes(key: Ed25519PrivateKey) -> bytes:
    return b"\x01" + key.public_key().public_bytes_raw()


def key_id(key: Ed25519PrivateKey, origin: str = ORIGIN) -> bytes:
    return sha256(origin.encode() + b"\n" + key_bytes(key))[:4]


def vkey(key: Ed25519PrivateKey = KEY, origin: str = ORIGIN) -> str:
    return f"{origin}+{key_id(key, origin).hex()}+{base64.b64encode(key_bytes(key)).decode()}"


def leaves(size: int) -> list[bytes]:
    genesis = {"kind": "log.genesis", "origin": ORIGIN, "verifier_key": vkey()}
    others = [
        {"event_id": f"e-{number}", "kind": "case.created", "occurred_at": f"2026-01-02T03:04:05.{number:06d}Z"}
        for number in range(1, size)
    ]
    return [json.dumps(leaf, separators=(",", ":")).encode() for leaf in (genesis, *others)]


def root(hashes: list[bytes]) -> bytes:
    """MTH of RFC 6962, section 2.1, over leaf hashes."""
    if len(hashes) <= 1:
        return hashes[0] if hashes else sha256(b"")
    split = 1 << (len(hashes) - 1).bit_length() - 1
    return sha256(b"\x01" + root(hashes[:split]) + root(hashes[split:]))


def note(
    size: int, top: bytes, key: Ed25519PrivateKey = KEY, origin: str = ORIGIN, *, signed_as: str | None = None
) -> bytes:
    text = f"{origin}\n{size}\n{base64.b64encode(top).decode()}\n"
    name = signed_as or origin
    signature = base64.b64encode(key_id(key, name) + key.sign(text.encode())).decode()
    return f"{text}\n\N{EM DASH} {name} {signature}\n".encode()


def path(kind: str, number: int, width: int) -> str:
    assert number < 1000
    return f"tile/{kind}/{number:03d}" + (f".p/{width}" if width < WIDTH else "")


def bundle(entries: list[bytes]) -> bytes:
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def write_log(directory: Path, entries: list[bytes], key: Ed25519PrivateKey = KEY) -> bytes:
    """Write a whole log and return its checkpoint."""
    row = [sha256(b"\x00" + entry) for entry in entries]
    signed = note(len(entries), root(row), key)
    put(directory, "checkpoint", signed)
    for number in range(0, len(entries), WIDTH):
        several = entries[number : number + WIDTH]
        put(directory, path("entries", number // WIDTH, len(several)), bundle(several))
    level = 0
    while row:
        for number in range(0, len(row), WIDTH):
            several = row[number : number + WIDTH]
            put(directory, path(str(level), number // WIDTH, len(several)), b"".join(several))
        full = len(row) // WIDTH * WIDTH
        row = [root(row[at : at + WIDTH]) for at in range(0, full, WIDTH)]
        level += 1
    return signed


def put(directory: Path, name: str, content: bytes) -> None:
    (directory / name).parent.mkdir(parents=True, exist_ok=True)
    (directory / name).write_bytes(content)


def rewrite(directory: Path, entries: list[bytes], key: Ed25519PrivateKey | None = None) -> None:
    """Write every file anew for other entries; without a key the checkpoint stays as it was."""
    kept = (directory / "checkpoint").read_bytes()
    shutil.rmtree(directory / "tile")
    write_log(directory, entries, key or KEY)
    if key is None:
        put(directory, "checkpoint", kept)

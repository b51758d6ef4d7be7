"""Secrets: made at random, kept only as hashes."""

import asyncio
import hashlib
import hmac
import secrets

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

_CONCURRENT = 2
"""Each hash takes 19 MiB and a core for some 30 ms; more at once would let strangers fill the memory."""


class Passwords:
    """Hashes and checks passwords with argon2id, off the event loop (OWASP's 19 MiB, two passes)."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
        self._slots = asyncio.Semaphore(_CONCURRENT)
        self._decoy: str | None = None

    async def hash(self, password: str) -> str:
        """Return the hash to keep."""
        async with self._slots:
            return await asyncio.to_thread(self._hasher.hash, password)

    async def matches(self, kept: str | None, password: str) -> bool:
        """Tell whether a password fits; without a hash it takes as long and fails, so that names cannot be probed."""
        if self._decoy is None:
            self._decoy = await self.hash(secrets.token_urlsafe())
        async with self._slots:
            fits = await asyncio.to_thread(self._verify, kept or self._decoy, password)
        return fits and kept is not None

    def _verify(self, kept: str, password: str) -> bool:
        try:
            return self._hasher.verify(kept, password)
        except (VerificationError, InvalidHashError):
            return False


def new_secret() -> str:
    """Return 256 random bits as text."""
    return secrets.token_urlsafe(32)


def new_password() -> str:
    """Return a password that a person can type: 96 random bits."""
    return "-".join(secrets.token_hex(3) for _ in range(4))


def new_name(prefix: str) -> str:
    """Return a random name, 64 bits: pseudonyms and key ids."""
    return prefix + secrets.token_hex(8)


def secret_digest(secret: str) -> str:
    """Return SHA-256 in hexadecimal: enough for secrets that are random in full."""
    return hashlib.sha256(secret.encode()).hexdigest()


def same_digest(left: str, right: str) -> bool:
    """Compare digests in constant time."""
    return hmac.compare_digest(left, right)

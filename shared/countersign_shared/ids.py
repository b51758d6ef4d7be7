"""Identities that follow from what they identify."""

import hashlib
import re
from functools import lru_cache

CASE_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
TENANT = re.compile(r"[A-Za-z0-9._-]{1,64}")
DEFAULT_TENANT = "default"


def derived_event_id(tenant: str, case_id: str, step: str, n: int = 0) -> str:
    """Return the id of the event that ``step`` makes of a case, for ever the same.

    No code, model, policy or parent id enters, so that a retry anywhere upstream gives the same
    children. ``n`` is 0 for the steps of the machine and otherwise the row's number within its case.
    The result is a UUID of version 8 (RFC 9562: own construction) over SHA-256.
    """
    # Lengths first: ("ab", "c") and ("a", "bc") must not meet.
    second = case_id.encode()
    name = b"".join((_counted(tenant), len(second).to_bytes(4, "big"), second, _step(step, n)))
    digits = hashlib.sha256(name).hexdigest()
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-8{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:32]}"


@lru_cache(maxsize=256)
def _step(step: str, n: int) -> bytes:
    # The steps of the machine are few and made for every case.
    return _counted(step) + _counted(str(n))


@lru_cache(maxsize=256)
def _counted(text: str) -> bytes:
    part = text.encode()
    return len(part).to_bytes(4, "big") + part

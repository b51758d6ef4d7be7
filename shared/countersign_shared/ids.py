"""Identities that follow from what they identify."""

import hashlib
import re

CASE_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
TENANT = re.compile(r"[A-Za-z0-9._:-]{1,128}")
DEFAULT_TENANT = "default"


def derived_event_id(tenant: str, case_id: str, step: str, n: int = 0) -> str:
    """Return the id of the event that ``step`` makes of a case, for ever the same.

    No code, model, policy or parent id enters, so that a retry anywhere upstream gives the same
    children. ``n`` is 0 for the steps of the machine and otherwise the row's number within its case.
    The result is a UUID of version 8 (RFC 9562: own construction) over SHA-256.
    """
    parts: list[bytes] = []
    for part in (tenant, case_id, step, str(n)):
        data = part.encode()
        # Lengths first: ("ab", "c") and ("a", "bc") must not meet.
        parts += (len(data).to_bytes(4, "big"), data)
    digits = hashlib.sha256(b"".join(parts)).hexdigest()
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-8{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:32]}"

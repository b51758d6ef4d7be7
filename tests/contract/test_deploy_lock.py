"""The lock: one release of each package, on whatever Python, from whatever index."""

import re
from collections import Counter

from tests.architecture.sources import ROOT

LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
PINS = re.findall(r"^([a-z0-9][a-z0-9-]*)==(\S+)", LOCK, re.MULTILINE)


def test_every_python_gets_the_same_releases() -> None:
    assert len(PINS) > 100
    assert [name for name, times in Counter(name for name, _ in PINS).items() if times > 1] == []


def test_every_release_is_held_to_its_hashes_and_none_to_an_address() -> None:
    entries = re.split(r"^(?=[a-z0-9])", LOCK, flags=re.MULTILINE)
    assert [entry for entry in entries if entry and "--hash=sha256:" not in entry] == []
    assert "://" not in LOCK

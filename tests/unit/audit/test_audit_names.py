"""Names for what a leaf does not show, and what all entries have in common."""

from __future__ import annotations

import hashlib

import pytest

from countersign_audit.domain.commitments import CommitmentKey, Pseudonyms
from countersign_audit.domain.entry import moment, retention


def test_names_are_keyed_hashes_of_what_they_stand_for() -> None:
    names = Pseudonyms(b"n" * 32)

    def keyed(kind: bytes, data: bytes) -> bytes:
        return hashlib.blake2b(data, digest_size=16, key=b"n" * 32, person=kind).digest()

    assert names.case("north", "c-1") == keyed(b"case", b"\0\0\0\5northc-1")
    assert names.subject("north", "\ud800") == keyed(b"subject", b"\0\0\0\5north\xed\xa0\x80")
    assert names.record("t", b"id") == keyed(b"record", b"\0\0\0\1tid")
    assert names.hidden("Ana Example") == "~" + keyed(b"word", b"Ana Example").hex()
    assert names.word("plain-word") == "plain-word"
    assert names.word("ana@example.org") == names.hidden("ana@example.org")
    before = names.hidden("first")
    assert len({names.hidden(f"text {number}") for number in range(1_100)}) == 1_100
    assert names.hidden("first") == before
    assert names.case("ab", "c") != names.case("a", "bc")
    for key in (b"n" * 31, b"n" * 33):
        with pytest.raises(ValueError, match="32"):
            Pseudonyms(key)
        with pytest.raises(ValueError, match="32"):
            CommitmentKey(key)


@pytest.mark.parametrize(
    "text", ["2026-01-02", "2026-01-02T03:04:05", "2026-02-30T03:04:05Z", "2026-01-02 03:04:05Z", 5, None,
             "0001-01-01T00:00:00+23:59"],
)  # fmt: skip
def test_what_is_no_moment_is_none(text: object) -> None:
    assert moment(text) is None
    found = moment("2026-01-02T03:04:05+01:00")
    assert found is not None
    assert found.isoformat() == "2026-01-02T02:04:05+00:00"


@pytest.mark.parametrize("has_case", [True, False])
def test_reads_exports_and_people_are_kept_as_access_whatever_case_they_are_about(has_case: bool) -> None:
    for kind in ("audit.read", "audit.exported", "user.added"):
        assert retention(kind, has_case=has_case) == "access"
    assert retention("decision.made", has_case=has_case) == ("case" if has_case else "governance")

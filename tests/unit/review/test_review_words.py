from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from countersign_review.domain.words import MOST_WORDS, asked, words_of


def test_a_case_is_found_by_its_id_by_parts_of_it_and_by_words_of_its_title() -> None:
    found = words_of("loan-000043", "applicant-93f0", "Crédit: $310,000 for a HOUSE")
    assert {"loan-000043", "loan", "000043", "applicant-93f0", "93f0", "credit", "310,000", "310", "house"} <= set(
        found
    )


def test_a_question_asks_for_every_word_and_lets_each_go_on() -> None:
    assert asked("  House, loan-0 ") == "'house':* & 'loan-0':*"
    assert asked("o'neil\\") == "'o''neil':*"
    assert asked("... !") is None


@given(st.text(max_size=400), st.text(max_size=400))
def test_words_are_bounded_printable_and_plain(one: str, other: str) -> None:
    found = words_of(one, other)
    assert len(found) <= MOST_WORDS
    assert len(set(found)) == len(found)
    assert all(word and word.isprintable() and len(word) <= 64 for word in found)

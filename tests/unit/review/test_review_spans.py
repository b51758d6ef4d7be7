"""What a text names is marked where it stands, and nowhere else."""

from __future__ import annotations

from countersign_review.domain.spans import factor_value, spans_of

FACT = {"field": "text", "format": "text", "value": "Hi 😀 @ann, see @bob", "formatted": "Hi 😀 @ann, see @bob"}


def entity(text: str, start: int, field: str | None = "text", kind: str = "mention"):
    return {"type": kind, "text": text, "start": start, "end": start + len(text), "confidence": 1.0, "field": field}


def test_spans_are_in_reading_order_and_count_code_points():
    found = spans_of(FACT, [entity("@bob", 15), entity("@ann", 5)])
    assert found == [{"type": "mention", "start": 5, "end": 9}, {"type": "mention", "start": 15, "end": 19}]
    assert [FACT["formatted"][one["start"] : one["end"]] for one in found] == ["@ann", "@bob"]


def test_what_is_of_another_field_elsewhere_or_overlapping_is_left_out():
    odd = [
        entity("@ann", 5, "title"),
        entity("@ann", 6),
        entity("@ann", 5, None),
        entity("nn, s", 7),
        entity("@ann", 5),
    ]
    assert spans_of(FACT, odd) == [{"type": "mention", "start": 5, "end": 9}]
    assert [spans_of(FACT, [one]) for one in odd[:3]] == [[], [], []]
    # Of two that begin together the longer is marked; one that begins where another ends overlaps nothing.
    assert [(one["start"], one["end"]) for one in spans_of(FACT, [entity("@a", 5), entity("@ann", 5)])] == [(5, 9)]
    assert len(spans_of(FACT, [entity("Hi", 0), entity(" 😀", 2)])) == 2


def test_a_factor_about_a_text_shows_its_words_and_one_about_a_fact_the_fact():
    assert factor_value({"value": "free phone"}, FACT) == "free phone"
    assert factor_value({"value": FACT["value"]}, FACT) == FACT["formatted"]
    money = {"format": "money", "value": "5.00", "formatted": "$5"}
    assert factor_value({"value": "5.00"}, money) == "$5"
    assert factor_value({"value": "5.0"}, money) == "$5"
    assert factor_value({"value": 7}, None) == "7"

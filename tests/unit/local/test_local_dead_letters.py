"""What an operator sees of the dead-letter topic."""

from __future__ import annotations

import pytest

from countersign_local.cli.dead_letters import print_letters
from countersign_local.cli.output import harmless, print_table, print_text
from countersign_local.dead_letters import find, letters_of, mark, replay
from countersign_local.errors import CommandError
from countersign_local.moments import when
from countersign_local.watching import Watched
from countersign_shared.messaging.dead_letters import dead_letter, original
from countersign_shared.messaging.records import Message, Record


def _bad(offset, value=b"{"):
    return Record("case.created", 3, offset, 1_700_000_000_000, b"loan-1", value, (("ce_id", b"\xff"),))


def _on_topic(message: Message, offset: int) -> Record:
    return Record(message.topic, 0, offset, 1_700_000_000_500, message.key, message.value, message.headers)


def _letter(bad, offset):
    return _on_topic(dead_letter(bad, service="inference", reason="malformed_json", pointer="/payload"), offset)


def test_a_redelivered_record_is_one_letter():
    letters = letters_of([_letter(_bad(7), 0), _letter(_bad(7), 1), _letter(_bad(8), 2)])
    assert [letter.header("x-offset") for letter in letters] == ["7", "8"]


def test_the_summary_names_reason_and_field():
    (letter,) = letters_of([_letter(_bad(7), 0)])
    summary = letter.summary()
    assert (summary["reason"], summary["pointer"], summary["topic"]) == ("malformed_json", "/payload", "case.created")
    assert summary["at"] == "2023-11-14T22:13:20.500000Z"
    assert summary["handled"] is None


def test_a_marked_letter_is_handled_and_stays_on_the_topic():
    records = [_letter(_bad(7), 0), _letter(_bad(8), 1)]
    first = letters_of(records)[0]
    records.append(_on_topic(mark(first, "discarded"), 2))
    assert [letter.handled for letter in letters_of(records)] == ["discarded", None]


def test_an_id_may_be_shortened_while_it_is_clear():
    letters = letters_of([_letter(_bad(offset), offset) for offset in range(20)])
    assert find(letters, letters[4].id[:8]) == letters[4]
    with pytest.raises(CommandError, match="There is no dead letter"):
        find(letters, "zz")
    with pytest.raises(CommandError, match="More than one"):
        find(letters, max("0123456789abcdef", key=[letter.id[0] for letter in letters].count))


async def test_a_letter_that_was_cut_is_not_sent_as_if_it_were_whole():
    class Closed:
        async def publish(self, messages):
            raise AssertionError(messages)

    (letter,) = letters_of([_letter(_bad(7, b"x" * 2_000_000), 0)])
    with pytest.raises(CommandError, match="only the beginning"):
        await replay(Closed(), letter)


async def test_a_letter_from_no_topic_of_ours_is_sent_nowhere():
    class Closed:
        async def publish(self, messages):
            raise AssertionError(messages)

    letters = letters_of(
        [
            Record("countersign.dead-letter", 0, number, 0, b"", b"", headers)
            for number, headers in enumerate([(), (("x-topic", b"payroll"), ("x-offset", b"1"))])
        ]
    )
    for letter in letters:
        with pytest.raises(CommandError, match="no topic of Countersign's"):
            await replay(Closed(), letter)


def test_a_key_of_any_length_leaves_a_list_readable(capsys):
    record = Record("countersign.dead-letter", 0, 0, 0, b"k" * 300_000, b"", ())
    print_letters([letter.summary() for letter in letters_of([record])])
    assert max(map(len, capsys.readouterr().out.splitlines())) < 400


def test_a_letter_that_a_stranger_wrote_is_listed_too():
    (letter,) = letters_of([Record("countersign.dead-letter", 0, 0, 2**62, b"\x1b[2J", b"", (("x-offset", b"-1"),))])
    summary = letter.summary()
    assert (summary["partition"], summary["offset"], summary["at"]) == (None, None, f"{2**62} ms")


def test_a_number_without_end_that_a_stranger_wrote_hides_no_other_letter():
    endless = Record("countersign.dead-letter", 0, 0, 0, b"", b"", (("x-offset", b"9" * 5_000), ("x-topic", b"\xff")))
    letters = letters_of([endless, _letter(_bad(7), 1)])
    assert [letter.summary()["offset"] for letter in letters] == [None, 7]
    # What it says to come from is no topic, and the bus says so.
    assert original(letters[0].record).topic == "\N{REPLACEMENT CHARACTER}"


def test_an_onlooker_is_shown_whatever_lies_on_a_topic(capsys):
    body = {"case_id": ["x"], "outcome": "\x1b[2Jgone"}
    print_text(Watched("case.created", 0, 0, when(-(2**62)), {}, body).line())
    print_table([{"key": "\x1b[2J"}], ("key",))
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert "\\x1b[2Jgone" in shown


def test_what_is_shown_cannot_steer_a_terminal():
    assert harmless("a\tb\nc\u00e9\U0001f600") == "a\tb\nc\u00e9\U0001f600"
    assert harmless("\x1b[2J\r\x00\u202e\x9b") == "\\x1b[2J\\r\\x00\\u202e\\x9b"

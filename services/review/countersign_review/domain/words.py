"""The words that a case is found by."""

import unicodedata
from collections.abc import Iterable

MOST_WORDS = 64
"""Of one case: a title is one line."""
MOST_LETTERS = 64
MOST_ASKED = 8
"""Words of one question; more narrow nothing down."""


def words_of(*texts: str | None) -> list[str]:
    """Return the words of some texts, each once: as they stand, and their parts between punctuation.

    ``loan-000043`` is found as a whole, as ``loan`` and as ``000043``; case and accents make no difference.
    """
    found: dict[str, None] = {}
    for text in texts:
        for piece in _plain(text or "").split():
            whole = piece.strip(_EDGES)
            for word in (whole, *_parts(whole)):
                if word:
                    found.setdefault(word[:MOST_LETTERS])
            if len(found) >= MOST_WORDS:
                return list(found)[:MOST_WORDS]
    return list(found)


def asked(question: str) -> str | None:
    """Return a question as PostgreSQL's tsquery: every word must be there, each may go on; None for no words."""
    pieces = (piece.strip(_EDGES)[:MOST_LETTERS] for piece in _plain(question).split())
    words = list(dict.fromkeys(piece for piece in pieces if piece))[:MOST_ASKED]
    return " & ".join(f"{_quoted(word)}:*" for word in words) or None


_EDGES = ".,;:!?()[]{}<>\"'`*|&/\\$€£%#-_"


def _plain(text: str) -> str:
    folded = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter if letter.isprintable() else " " for letter in folded if not unicodedata.combining(letter))


def _parts(word: str) -> Iterable[str]:
    return "".join(letter if letter.isalnum() else " " for letter in word).split()


def _quoted(word: str) -> str:
    return "'" + word.replace("\\", "\\\\").replace("'", "''") + "'"

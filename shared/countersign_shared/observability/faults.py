"""Faults as they may be kept: what kind, where and why, without the values that their words quote.

No erasure reaches a log. A fault of the database tells the whole row that it refused, one of a parser or of a model the
text that it could not read.
"""

import re
import traceback
from collections.abc import Iterator

import asyncpg
from pydantic_core import ValidationError

from countersign_shared.errors import CountersignError

LEFT_OUT = "\u2026"
_QUOTED = re.compile(r"""(?<!\w)['"].*['"](?!\w)|(?<!\w)['"].*""", re.DOTALL)
"""From the first quotation mark to the last, or to the end where the words were cut: a value may hold some itself."""
_ARGUMENT = re.compile(r"(query argument \$\d+).*", re.DOTALL)
"""The driver quotes what does not fit a column as Python writes it, with or without quotation marks."""
_PLAIN = (CountersignError, OSError, AttributeError, NameError, ImportError, TypeError)
"""Their words are ours, or name parts of programs and files: it is those that stand between quotation marks."""
_DATA = "22"
"""PostgreSQL's class of errors over a value, which they quote. Others name tables and constraints."""


def told(error: BaseException) -> str:
    """Return the words of a fault without what it quotes; its detail, where a database has one, is left out."""
    if isinstance(error, ValidationError):
        wrong = [f"/{'/'.join(map(str, one['loc']))} {one['type']}" for one in error.errors(include_url=False)]
        return f"{error.error_count()} wrong in {error.title}: {', '.join(wrong)}"
    if isinstance(error, asyncpg.PostgresError | asyncpg.InterfaceError):
        return _of_database(error)
    if isinstance(error, KeyError) and _in_the_program(error):
        return str(error)
    return str(error) if isinstance(error, _PLAIN) else _QUOTED.sub(LEFT_OUT, str(error))


def _of_database(error: asyncpg.PostgresError | asyncpg.InterfaceError) -> str:
    words = str(error.args[0]) if error.args else ""
    about_a_value = isinstance(error, ValueError) or (getattr(error, "sqlstate", None) or "").startswith(_DATA)
    return _QUOTED.sub(LEFT_OUT, _ARGUMENT.sub(rf"\1: {LEFT_OUT}", words)) if about_a_value else words


def _in_the_program(error: KeyError) -> bool:
    """Tell whether the key that was missing stands where it was looked for: then it names a field, and is no value."""
    frames = traceback.extract_tb(error.__traceback__)
    return bool(frames and error.args) and f'"{error.args[0]}"' in (frames[-1].line or "")


def named(error: BaseException) -> str:
    """Return what kind of fault it is, and its words as ``told`` gives them."""
    words = told(error)
    return f"{type(error).__name__}: {words}" if words else type(error).__name__


class Told:
    """Stands for a fault among the arguments of a line of the log."""

    def __init__(self, error: BaseException) -> None:
        self._error = error

    def __str__(self) -> str:
        """Return its words."""
        return told(self._error)

    def __repr__(self) -> str:
        """Return its kind and its words."""
        return f"{type(self._error).__name__}({told(self._error)!r})"


def traced(error: BaseException) -> str:
    """Return the traceback of a fault and of those that led to it, in Python's form."""
    return "".join(_chain(error, set()))


def _chain(error: BaseException, seen: set[int]) -> Iterator[str]:
    seen.add(id(error))
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if before is not None and id(before) not in seen:
        yield from _chain(before, seen)
        yield "\n\nDirect cause:\n\n" if error.__cause__ else "\n\nWhile that was handled:\n\n"
    yield "Traceback (most recent call last):\n"
    yield from traceback.format_tb(error.__traceback__)
    yield f"{type(error).__module__}.{named(error)}"
    for part in error.exceptions if isinstance(error, BaseExceptionGroup) else ():
        if id(part) not in seen:
            yield "\n\nPart of it:\n\n"
            yield from _chain(part, seen)

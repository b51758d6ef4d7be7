"""How a command ends: an exit code that is documented, and one message when something expected failed."""

import codecs
import contextlib
import logging
import os
import sys
from collections.abc import Callable, Iterator
from io import TextIOWrapper
from pathlib import Path

from countersign_local.errors import CONFIGURATION, INTERRUPTED, IO, NOT_RIGHT, OK, SOFTWARE, UNAVAILABLE, USAGE
from countersign_shared.errors import AwayError, ConfigurationError, CountersignError, FatalError

_PLAIN = {"▲": "^", "▼": "v", "•": "*", "▸": ">", "…": "...", "→": "->", "≥": ">=", "≤": "<=", "·": "."}
_ERRORS = "plain"


class _ReaderGoneError(Exception):
    """Nobody reads the output any more. Not an ``OSError``: libraries would end with 1, which is an answer of ours."""


class _Output(TextIOWrapper):
    def write(self, text: str, /) -> int:
        with _told_apart():
            return super().write(text)

    def flush(self) -> None:
        with _told_apart():
            super().flush()


@contextlib.contextmanager
def _told_apart() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError as error:
        raise _ReaderGoneError from error


def ended_by(run: Callable[[], object]) -> int:
    """Run a command and return its exit code, telling expected failures on standard error."""
    _open_what_is_closed()
    _prepare_output()
    try:
        _run_to_the_last_line(run)
    except _ReaderGoneError:
        # Whoever closed it had enough, and wants to hear no more of it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return IO
    except CountersignError as error:
        _say(str(error))
        return exit_code(error)
    except OSError as error:
        place = f"{error.filename}: " if error.filename is not None else ""
        _say(f"{place}{error.strerror or str(error) or type(error).__name__}")
        return IO
    except UnicodeEncodeError as error:
        # A name that no text can have, as the bytes of a command line may make it; files may be called so.
        print(
            f"countersign: {error.object[error.start : error.end]!r} is no text that can be sent: it must be UTF-8.",
            file=sys.stderr,
        )
        return USAGE
    except KeyboardInterrupt:
        return INTERRUPTED
    return OK


def _run_to_the_last_line(run: Callable[[], object]) -> None:
    try:
        run()
    finally:
        # At the end of the process it would be too late for a code: what was printed is still in a buffer.
        sys.stdout.flush()


def _say(message: str) -> None:
    # Loaded late: a command that goes well has no use for it here, and whoever interrupts its start none either.
    from countersign_local.cli.output import harmless

    with contextlib.suppress(OSError):
        print(f"countersign: {harmless(message)}", file=sys.stderr)


def exit_code(error: CountersignError) -> int:
    """Return the exit code of an expected failure."""
    own: int | None = getattr(error, "exit_code", None)
    if own is not None:
        return own
    if isinstance(error, ConfigurationError):
        # Who tries again later may be luckier where a server is down, rather than named wrongly.
        return UNAVAILABLE if isinstance(error, AwayError) else CONFIGURATION
    return SOFTWARE if isinstance(error, FatalError) else NOT_RIGHT


def _open_what_is_closed() -> None:
    """Begin with the three streams that every program has: the next file opened would take the place of one closed."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            # In the order of their numbers, each gets its own: the lowest that is free.
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115 - it stays until the end


def _prepare_output() -> None:
    """Let a terminal that knows no Unicode show the nearest it can, and keep libraries from talking beside us."""
    codecs.register_error(_ERRORS, _plainly)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors=_ERRORS)
    if type(sys.stdout) is TextIOWrapper and sys.stdout is sys.__stdout__:
        encoding, buffered = sys.stdout.encoding, sys.stdout.line_buffering
        sys.stdout = _Output(sys.stdout.detach(), encoding=encoding, errors=_ERRORS, line_buffering=buffered)
    # What it has to say of a broker that is down, the message of the command says as well.
    logging.getLogger("aiokafka").addHandler(logging.NullHandler())


def _plainly(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    unknown = error.object[error.start : error.end]
    return "".join(_PLAIN.get(char) or char.encode("ascii", "backslashreplace").decode() for char in unknown), error.end

"""Where each character of a YAML text came from: quotes, escapes, folding and indentation taken back.

What a file shows and what an expression is differ by white space, quotes and escapes. All other characters stand in
both in the same order, so pairing them off gives their places.
"""

import re
from collections.abc import Iterator

_ESCAPE = re.compile(
    r"\\(?:x(?P<x>[0-9a-fA-F]{2})|u(?P<u>[0-9a-fA-F]{4})|U(?P<U>[0-9a-fA-F]{8})|(?P<break>\r?\n)|(?P<one>.))", re.DOTALL
)
_BLOCK = "|>"
_NAMED = {"0": "\0", "a": "\a", "b": "\b", "e": "\x1b", "f": "\f", "v": "\v", "n": "\n", "t": "\t", "r": "\r"}


def source_offsets(source: str, style: str | None, value: str) -> list[int]:
    """Return for each character of ``value`` its offset in ``source``, the scalar as it is written in the file.

    White space gets the place after the character before it, which is where a compiler means when it points there.
    """
    written = [(offset, letter) for offset, letter in _letters(source, style) if not letter.isspace()]
    offsets: list[int] = []
    after = written[0][0] if written else 0
    upcoming = iter(written)
    for letter in value:
        if letter.isspace():
            offsets.append(after)
            after += 1
            continue
        offset, _ = next(upcoming, (after, letter))
        offsets.append(offset)
        after = offset + 1
    return offsets


def _letters(source: str, style: str | None) -> Iterator[tuple[int, str]]:
    """The characters that a scalar stands for, each with its offset; white space is not exact and not needed."""
    if style is not None and style in _BLOCK:
        # The first line is the indicator: `|`, `>-` and the like.
        start = source.find("\n") + 1
        yield from ((start + number, letter) for number, letter in enumerate(source[start:]))
    elif style == "'":
        yield from ((match.start() + 1, match[0][0]) for match in re.finditer(r"''|.", source[1:-1], re.DOTALL))
    elif style == '"':
        position, end = 1, len(source) - 1
        while position < end:
            match = _ESCAPE.match(source, position)
            yield position, source[position] if match is None else _unescaped(match)
            position = position + 1 if match is None else match.end()
    else:
        yield from enumerate(source)


def _unescaped(match: "re.Match[str]") -> str:
    code = match["x"] or match["u"] or match["U"]
    if code is not None:
        return chr(int(code, 16))
    if match["break"] is not None:
        return "\n"
    return _NAMED.get(match["one"], match["one"])

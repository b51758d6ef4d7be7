"""How large a regular expression becomes when it is compiled, from above: counted repetitions are written out.

The CEL library matches with RE2 (https://github.com/google/re2/wiki/Syntax), whose time is at worst the length of the
text times this size. That is never exponential, but a few hundred alternatives of a few hundred repetitions take
seconds on ten thousand characters all the same.
"""

import re

UNICODE_CLASS = 300
"""Ranges of a class like ``\\p{L}``, once they are spelled in UTF-8."""
ANY_CHARACTER = 8
PERL_CLASS = 6
_REPEAT = re.compile(r"\{(\d{1,9})(,(\d{0,9}))?\}")
_OPENING = re.compile(r"\((?:\?(?:P?<\w*>|[imsU-]*:?))?")
_ESCAPE = re.compile(r"\\(?:(?P<unicode>[pP](?:\{[^}]*\}|.))|(?P<quoted>Q.*?(?:\\E|\Z))|x\{[^}]*\}|.)", re.DOTALL)
_CLASS = re.compile(r"\[\^?\]?(?:\[:\^?\w+:\]|\\.|[^\]\\])*\]?", re.DOTALL)
_PARTS = "*+?"


def pattern_size(pattern: str) -> int:
    """Return about how many instructions a pattern compiles to. A wrong pattern has some size too."""
    groups: list[int] = []
    total, last, position = 0, 0, 0
    while position < len(pattern):
        letter = pattern[position]
        consumed = 1
        if letter == "(":
            opening = _OPENING.match(pattern, position)
            consumed = len(opening[0]) if opening else 1
            groups.append(total + last)
            total, last = 0, 0
        elif letter == ")" and groups:
            last = total + last + 2
            total = groups.pop()
        elif letter == "|":
            total, last = total + last + 1, 0
        elif letter in _PARTS:
            last += 1
        elif (repeat := _REPEAT.match(pattern, position)) is not None:
            consumed = len(repeat[0])
            last = (last + 1) * max(int(repeat[3] or repeat[1]) + (repeat[2] == ","), 1)
        else:
            total += last
            last, consumed = _atom(pattern, position)
        position += consumed
    size = total + last + sum(groups)
    return size * 2 if "(?i" in pattern or re.search(r"\(\?[a-zA-Z]*i", pattern) else size


def _atom(pattern: str, position: int) -> tuple[int, int]:
    """Return the size of one character or class, and how many characters it is written with."""
    letter = pattern[position]
    if letter == "\\":
        escape = _ESCAPE.match(pattern, position)
        if escape is None:
            return 1, 1
        if escape["unicode"] is not None:
            return UNICODE_CLASS, len(escape[0])
        return PERL_CLASS if escape["quoted"] is None else 4 * len(escape[0]), len(escape[0])
    if letter == "[":
        written = _CLASS.match(pattern, position)
        text = written[0] if written else "["
        unicode_classes = len(re.findall(r"\\[pP]", text))
        return 2 * len(text) + UNICODE_CLASS * unicode_classes + ANY_CHARACTER, len(text)
    if letter == ".":
        return ANY_CHARACTER, 1
    return (1 if letter.isascii() else 4), 1

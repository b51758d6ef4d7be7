"""Named queries: SQL stays in `.sql` files, Python holds only names."""

import re
from pathlib import Path

NAME = re.compile(r"^-- name: (\w+)\s*$", re.MULTILINE)


class Queries:
    """The queries of one file; each is an attribute under its ``-- name:``.

    A name that the file does not define is an ``AttributeError`` that says which file.
    """

    def __init__(self, path: Path, texts: dict[str, str]) -> None:
        self._path = path
        self._texts = texts

    @classmethod
    def load(cls, path: Path) -> "Queries":
        """Read a file of queries, each headed by ``-- name: NAME``; a name used twice is a ``ValueError``."""
        parts = NAME.split(path.read_text(encoding="utf-8"))
        texts: dict[str, str] = {}
        for name, text in zip(parts[1::2], parts[2::2], strict=True):
            if name in texts:
                raise ValueError(f"{path}: query {name} is defined twice")
            texts[name] = text.strip()
        return cls(path, texts)

    def __getattr__(self, name: str) -> str:
        try:
            return self._texts[name]
        except KeyError:
            raise AttributeError(f"{self._path} defines no query {name!r}") from None

    def names(self) -> tuple[str, ...]:
        """Return every name, in the order of the file."""
        return tuple(self._texts)

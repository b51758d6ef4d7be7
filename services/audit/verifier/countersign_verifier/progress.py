"""A progress bar for a terminal, and silence anywhere else."""

from typing import TextIO

CELLS = 30


class Bar:
    """Draws entries done of entries in all on one line of a terminal."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._shown = -1
        self._on = stream.isatty()

    def __call__(self, done: int, total: int) -> None:
        """Draw again when another percent is done."""
        percent = 100 * done // max(total, 1)
        if self._on and percent != self._shown:
            self._shown = percent
            filled = CELLS * percent // 100
            bar = "#" * filled + "." * (CELLS - filled)
            self._stream.write(f"\r{bar} {percent:3d} %  {done:,} of {total:,} entries")
            self._stream.flush()

    def close(self) -> None:
        """Give the line back."""
        if self._on and self._shown >= 0:
            self._stream.write("\r\x1b[2K")
            self._stream.flush()

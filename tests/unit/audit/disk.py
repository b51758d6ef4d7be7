"""A disk that is asked what a power failure would leave of it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest


class Disk:
    """Everything that became of names and bytes, in order, as far as a crash could take it back.

    ``lost`` are the names that could be gone or hold other bytes: given without their bytes, or their directory, being
    on the disk.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._written: set[tuple[int, int]] = set()
        self._names: dict[Path, set[str]] = {}
        self.lost: set[Path] = set()
        self._watch(monkeypatch)

    def _watch(self, monkeypatch: pytest.MonkeyPatch) -> None:
        fsync = os.fsync

        def synced(descriptor: int) -> None:
            fsync(descriptor)
            status = os.fstat(descriptor)
            self._written.add((status.st_dev, status.st_ino))
            directory = Path(f"/proc/self/fd/{descriptor}").readlink()
            self.lost -= {path for path in self.lost if path.parent == directory and self._is_written(path)}

        monkeypatch.setattr(os, "fsync", synced)
        for module, name, at in ((os, "replace", 1), (os, "rename", 1), (os, "link", 1), (os, "mkdir", 0)):
            monkeypatch.setattr(module, name, self._naming(getattr(module, name), at))

    def _naming(self, real: Any, at: int) -> Any:
        def named(*args: Any, **kwargs: Any) -> Any:
            found = real(*args, **kwargs)
            self.lost.add(Path(args[at]))
            return found

        return named

    def _is_written(self, path: Path) -> bool:
        if path.is_dir() or not path.exists():
            return True
        status = path.stat()
        return (status.st_dev, status.st_ino) in self._written

    def would_keep(self, *paths: Path) -> bool:
        """Tell whether these files would be there, whole, after a power failure now."""
        for path in paths:
            if not path.exists() or not self._is_written(path):
                return False
        return not self.lost.intersection({above for path in paths for above in (path, *path.parents)})

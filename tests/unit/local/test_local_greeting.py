"""What the demo tells a newcomer to type can be typed as it stands."""

import shlex
import shutil
import sys
from pathlib import Path

import pytest

from countersign_local.demo.attended import program


@pytest.mark.parametrize("place", ["plain", "my work", "o'clock", "a$b"])
def test_the_command_is_one_word_wherever_the_tree_lies(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = tmp_path / place / ".venv" / "bin"
    monkeypatch.setattr(sys, "executable", str(installed / "python"))
    monkeypatch.setattr(shutil, "which", lambda _: None)

    assert shlex.split(program()) == [str(installed / "countersign")]
    (tmp_path / place).mkdir()
    monkeypatch.chdir(tmp_path / place)
    assert program() == ".venv/bin/countersign"

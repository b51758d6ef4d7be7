"""A server is named as whoever started the demo named it."""

import subprocess
import sys
from pathlib import Path

from countersign_local.errors import UNAVAILABLE


def test_a_database_that_was_typed_is_named_as_it_was_typed(tmp_path: Path) -> None:
    started = "from countersign_local.cli import main; main()"
    nowhere = "postgresql://127.0.0.1:1/none"
    done = subprocess.run(
        [sys.executable, "-c", started, "demo", "--headless", "--cases", "1", "--database", nowhere],
        env={"COUNTERSIGN_STATE_DIR": str(tmp_path)}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    assert done.returncode == UNAVAILABLE, done.stderr
    assert "PostgreSQL does not answer at --database" in done.stderr
    assert "DATABASE_URL" not in done.stderr

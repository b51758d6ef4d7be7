"""countersign audit: what is refused before anything is asked, and so before anything is on the record."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from countersign_local.client import Client, Unreachable
from countersign_local.errors import IO, NO_INPUT, USAGE, CommandError
from countersign_shared.clock import system_clock
from tests.fixtures.commands import Runner, whole


@pytest.fixture(autouse=True)
def _nothing_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is asked all the same meets nobody, and says so."""
    monkeypatch.setenv("COUNTERSIGN_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("COUNTERSIGN_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("COUNTERSIGN_API_KEY", "key")
    monkeypatch.chdir(tmp_path)


def refused(*words: str) -> CommandError:
    with pytest.raises(CommandError) as found:
        Runner().invoke(whole(), ["audit", *words], catch_exceptions=False)
    return found.value


@pytest.mark.parametrize("command", ["timeline", "prove", "explain"])
@pytest.mark.parametrize("case_id", ["", "..", "a/b", "a?tenant=other", "a b", "x" * 129])
def test_what_no_case_can_be_called_is_said_so(command: str, case_id: str) -> None:
    error = refused(command, case_id)
    assert "is no case id" in str(error)
    assert error.exit_code == USAGE


@pytest.mark.parametrize("command", ["prove", "subject"])
def test_where_nothing_can_be_written_nothing_is_read(command: str, tmp_path: Path) -> None:
    for path in (tmp_path / "none" / "file.json", tmp_path):
        error = refused(command, "case", "--output", str(path))
        assert f"{path} cannot be written" in str(error)
        assert error.exit_code == IO


def test_what_is_held_about_somebody_never_goes_over_another_file(tmp_path: Path) -> None:
    (tmp_path / "subject.json").write_text("kept", encoding="utf-8")
    assert "is there already" in str(refused("subject", "somebody"))
    assert (tmp_path / "subject.json").read_text(encoding="utf-8") == "kept"


def test_a_day_that_has_not_begun_has_nothing_to_reconcile() -> None:
    # Two days ahead: midnight may pass meanwhile.
    ahead = system_clock().date() + timedelta(days=2)
    error = refused("reconcile", ahead.isoformat())
    assert "has not begun" in str(error)
    assert error.exit_code == USAGE


def test_an_old_checkpoint_that_is_not_there_ends_like_anything_else_that_is_to_be_verified(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    assert refused("verify", "--old", "none").exit_code == NO_INPUT


def test_a_certificate_of_nothing_is_no_command() -> None:
    with pytest.raises(CommandError, match="Say which decisions") as found:
        Runner().invoke(whole(), ["feedback", "certify"], catch_exceptions=False)
    assert found.value.exit_code == USAGE


def test_erasing_needs_one_of_the_two() -> None:
    for words in ([], ["--case", "a", "--subject", "b"]):
        assert "one of the two" in str(refused("erase", "--basis", "GDPR 17", "--yes", *words))


async def test_exporting_from_nowhere_asks_whether_it_runs() -> None:
    def nobody(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    async with httpx.AsyncClient(transport=httpx.MockTransport(nobody), base_url="http://none") as http:
        with pytest.raises(Unreachable, match="is it running"):
            await Client(http).read("/api/audit/v1/checkpoint")

"""A backup from before the log took another key or name knows neither; what they signed shows all the same."""

from __future__ import annotations

import secrets
import shutil
from pathlib import Path
from typing import Any

import pytest

from countersign_audit.custody.anchored import BehindAnchorError
from countersign_audit.custody.anchors import Anchoring, DirectoryPlace, TopicPlace
from countersign_audit.custody.keys import replace_signing_key
from countersign_audit.custody.recovery import recover
from tests.integration.audit.log import Log, SteppingClock, open_log, settings, verified
from tests.integration.audit.test_audit_anchors import Topic, cut_back
from tests.unit.audit.records import one_case


@pytest.fixture
def topic() -> Topic:
    return Topic()


@pytest.fixture
def places(tmp_path: Path, topic: Topic) -> list[Any]:
    return [TopicPlace(topic.publish, topic.read_last), DirectoryPlace(tmp_path / "anchors")]


async def filled(log: Log, places: list[Any], *cases: str) -> None:
    for case in cases:
        await log.add(one_case(case))
        # The clock of a later start is behind that of an earlier one.
        await log.writer.sign_tail()
        await Anchoring(log.pool, places, SteppingClock()).anchor()


def hours_pass(topic: Topic, directory: Path) -> None:
    """Leave only the newest checkpoint: nobody looks through older ones."""
    del topic.records[:-1]
    shutil.rmtree(directory / "checkpoints")


async def test_a_backup_from_before_a_key_was_replaced_is_behind_what_the_new_one_signed(
    database_url: str, tmp_path: Path, topic: Topic, places: list[Any]
) -> None:
    keys = tmp_path / "keys"
    async with open_log(database_url, keys, places=places) as log:
        await filled(log, places, "a", "b")
        began_as = log.writer.origin
    replace_signing_key(keys, secrets.token_bytes)
    async with open_log(database_url, keys, places=places) as log:
        await filled(log, places, "c")
        assert log.writer.size == 14
    hours_pass(topic, tmp_path / "anchors")
    await cut_back(database_url, 9)
    with pytest.raises(BehindAnchorError, match=r"holds 9 entries .* but 14 were signed"):
        async with open_log(database_url, keys, places=places):
            pass
    recovered = await recover(settings(database_url, keys), places, SteppingClock())
    assert (recovered.size, recovered.lost_until) == (9, 14)
    for case in ("c", "d"):
        # The key is replaced once more, and what the lost entries were signed by stops no later start.
        async with open_log(database_url, keys, places=places) as log:
            await filled(log, places, case)
            assert log.writer.origin == f"{began_as}/from-9"
    (keys / "signing-before.key").unlink()
    async with open_log(database_url, keys, places=places) as log:
        assert log.writer.size == 19
    report = await verified(database_url, keys)
    assert report.ok, [str(one) for one in report.findings]


async def test_a_backup_from_before_a_recovery_is_behind_what_the_new_name_signed(
    database_url: str, tmp_path: Path, topic: Topic, places: list[Any]
) -> None:
    keys = tmp_path / "keys"
    async with open_log(database_url, keys, places=places) as log:
        await filled(log, places, "a", "b", "c")
        began_as = log.writer.origin
    await cut_back(database_url, 9)
    await recover(settings(database_url, keys), places, SteppingClock())
    async with open_log(database_url, keys, places=places) as log:
        await filled(log, places, "c", "d")
        assert (log.writer.size, log.writer.origin) == (18, f"{began_as}/from-9")
    hours_pass(topic, tmp_path / "anchors")
    await cut_back(database_url, 9)
    with pytest.raises(BehindAnchorError, match=r"holds 9 entries .* but 18 were signed"):
        async with open_log(database_url, keys, places=places):
            pass
    recovered = await recover(settings(database_url, keys), places, SteppingClock())
    # No name ever signs two logs.
    assert recovered.verifier_key.startswith(f"{began_as}/from-9-2+")
    assert (recovered.size, recovered.lost_until) == (9, 18)
    for case in ("c", "d"):
        async with open_log(database_url, keys, places=places) as log:
            await filled(log, places, case)
    report = await verified(database_url, keys)
    assert report.ok, [str(one) for one in report.findings]

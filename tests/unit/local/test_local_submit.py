"""countersign submit: what is read of a file is what is sent, and what went wrong is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from countersign_local.cli import submit
from countersign_local.client import Refused
from countersign_local.errors import CommandError


def cases(tmp_path: Path, data: bytes) -> list[dict[str, Any]]:
    (tmp_path / "cases.json").write_bytes(data)
    return submit.read_cases(str(tmp_path / "cases.json"))


def test_one_case_an_array_and_lines_are_read(tmp_path: Path) -> None:
    assert cases(tmp_path, b'\xef\xbb\xbf{"case_id": "a"}') == [{"case_id": "a"}]
    assert len(cases(tmp_path, b'[{"case_id": "a"}, {"case_id": "b"}]')) == 2
    assert len(cases(tmp_path, b'{"case_id": "a"}\n\n{"case_id": "b"}\n')) == 2


def test_a_number_beyond_64_bits_is_not_rounded_on_its_way(tmp_path: Path) -> None:
    assert cases(tmp_path, b'{"account": 123456789012345678901234567890}') == [
        {"account": 123456789012345678901234567890}
    ]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b'{\n  "case_id": "a",\n  "payload": {},,\n}', "line 3"),
        (b'{"case_id": "a"}\n{"case_id"', ":2: "),
        (b'{"case_id": "a", "case_id": "b"}', "'case_id' stands there twice"),
        (b'{"amount": 1e999}', "1e999 is no number"),
        (b'{"amount": NaN}', "NaN is no number"),
        (b"[" * 100_000, "nested too deeply"),
        ('{"title": "\u00fc"}'.encode("latin-1"), "cases.json: no text: its bytes are not UTF-8"),
        (b"\x7fELF\x02\x01\xdc", "cases.json: no text: its bytes are not UTF-8"),
        (b"3", "expected JSON objects"),
        (b"", "expected JSON objects"),
    ],
)
def test_what_cannot_be_sent_as_it_stands_is_named(tmp_path: Path, data: bytes, says: str) -> None:
    with pytest.raises(CommandError, match=says):
        cases(tmp_path, data)


class Intake:
    """Accepts cases but those without an id; every case is withdrawn before anybody decides."""

    async def post(self, _: str, case: dict[str, Any]) -> dict[str, Any]:
        if "case_id" not in case:
            raise Refused(
                422, {"title": "Not a valid case", "errors": [{"pointer": "/case_id", "detail": "is missing"}]}
            )
        return {"tenant": "default", "case_id": case["case_id"]}

    async def get(self, _: str) -> dict[str, Any]:
        return {"state": "withdrawn", "decisions": [{"outcome": None, "mode": "automatic"}]}


async def test_of_many_cases_the_one_that_is_refused_is_named() -> None:
    given = [{"case_id": "a"}, {"payload": {}}]
    assert (await submit._submitted(Intake(), given, 0))["state"] == "accepted"  # type: ignore[arg-type]
    with pytest.raises(
        CommandError, match=r"case 2 of 2 \(None\).*(\n.*)*/case_id: is missing\n1 before it"
    ) as refused:
        await submit._submitted(Intake(), given, 1)  # type: ignore[arg-type]
    assert refused.value.exit_code == 1


async def test_a_case_that_was_withdrawn_is_waited_for_no_longer() -> None:
    found = await submit._decided(Intake(), {"tenant": "default", "case_id": "a"}, deadline=float("inf"))  # type: ignore[arg-type]
    assert (found["state"], found["outcome"], found["mode"]) == ("withdrawn", None, "automatic")

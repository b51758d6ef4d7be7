"""countersign submit: cases in, for those without a Kafka client."""

import asyncio
import sys
import time
from collections.abc import Sequence
from json import loads
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from countersign_local.cli.connection import over_http
from countersign_local.cli.files import unreadable
from countersign_local.cli.output import JsonOption, print_json, print_table
from countersign_local.errors import NOT_RIGHT, CommandError

if TYPE_CHECKING:
    from countersign_local.client import Client

_POLL_SECONDS = 0.5


def submit(
    source: Annotated[str, typer.Argument(metavar="FILE|-", help="One case, an array of cases, or JSON lines.")],
    wait: Annotated[bool, typer.Option("--wait", help="Until every case is decided.")] = False,
    timeout: Annotated[float, typer.Option(min=1, help="With --wait: give up after this many seconds.")] = 600.0,
    json: JsonOption = False,
) -> None:
    """Submit cases; with --wait, print what was decided."""
    cases = read_cases(source)

    async def work(client: "Client") -> list[dict[str, Any]]:
        accepted = [await _submitted(client, cases, number) for number in range(len(cases))]
        if not wait:
            return accepted
        deadline = time.monotonic() + timeout
        return [await _decided(client, case, deadline) for case in accepted]

    told = over_http(work)
    if json:
        print_json(told)
    else:
        columns = ("tenant", "case_id", "state", "outcome", "mode") if wait else ("tenant", "case_id", "state")
        print_table(told, columns)
    if wait and any(case["mode"] is None for case in told):
        raise CommandError(
            f"Not every case was decided within {timeout:g} s; they are kept. The same command waits on.", NOT_RIGHT
        )


def read_cases(source: str) -> list[dict[str, Any]]:
    """Return the cases of a file, or of standard input for `-`; a ``CommandError`` says what is wrong with it."""
    try:
        data = sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()
    except OSError as error:
        raise unreadable(source, error) from error
    try:
        found = _read(data)
    except UnicodeDecodeError as error:
        raise CommandError(f"{source}: no text: its bytes are not UTF-8", NOT_RIGHT) from error
    except ValueError as error:
        lines = [(number, line) for number, line in enumerate(data.splitlines(), 1) if line.strip()]
        try:
            found = [_read(line) for _, line in lines[:1]]
        except ValueError:
            # Not even its first line is a value: it was meant as a whole.
            raise CommandError(f"{source}: {error}", NOT_RIGHT) from error
        found += [_line(source, number, line) for number, line in lines[1:]]
    cases = found if isinstance(found, list) else [found]
    if not cases or not all(isinstance(case, dict) for case in cases):
        raise CommandError(f"{source}: expected JSON objects, one case each", NOT_RIGHT)
    return cases


def _line(source: str, number: int, line: bytes) -> Any:
    try:
        return _read(line)
    except ValueError as error:
        raise CommandError(f"{source}:{number}: {error}", NOT_RIGHT) from error


def _read(data: bytes) -> Any:
    """Read JSON so that what is sent is what stands there: nothing is rounded, left out or made up."""

    def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            names = [name for name, _ in pairs]
            raise ValueError(f"{next(name for name in found if names.count(name) > 1)!r} stands there twice")
        return found

    def number(text: str) -> float:
        if not isfinite(value := float(text)):
            raise ValueError(f"{text} is no number that JSON can hold")
        return value

    try:
        return loads(data, object_pairs_hook=members, parse_float=number, parse_constant=number)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


async def _submitted(client: "Client", cases: Sequence[dict[str, Any]], place: int) -> dict[str, Any]:
    from countersign_local.cases import submit_case
    from countersign_local.client import Refused

    try:
        return await submit_case(client, cases[place])
    except Refused as refusal:
        if len(cases) == 1:
            raise
        raise CommandError(
            f"case {place + 1} of {len(cases)} ({cases[place].get('case_id')!r}): {refusal}\n"
            f"{place} before it were accepted. Mend it and submit all again: those are not doubled.",
            refusal.exit_code,
        ) from refusal


async def _decided(client: "Client", case: dict[str, Any], deadline: float) -> dict[str, Any]:
    from countersign_local.cases import outcome_of

    while True:
        found: dict[str, Any] = await outcome_of(client, case["tenant"], case["case_id"])
        # A case that was withdrawn is over, and has no outcome.
        if found["mode"] is not None or time.monotonic() > deadline:
            return found
        await asyncio.sleep(_POLL_SECONDS)

"""countersign submit: cases in, for those without a Kafka client."""

import asyncio
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from countersign_local.cli.connection import over_http
from countersign_local.cli.output import JsonOption, print_json, print_table
from countersign_local.errors import NOT_RIGHT, USAGE, CommandError

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
        from countersign_local.cases import submit_case

        accepted = [await submit_case(client, case) for case in cases]
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
    if wait and any(case["outcome"] is None for case in told):
        raise CommandError(
            f"Not every case was decided within {timeout:g} s; they are kept. The same command waits on.", NOT_RIGHT
        )


def read_cases(source: str) -> list[dict[str, Any]]:
    """Return the cases of a file, or of standard input for `-`; a ``CommandError`` says what is wrong with it."""
    import orjson

    try:
        data = sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()
    except OSError as error:
        raise CommandError(f"{source}: {error.strerror}", USAGE) from error
    try:
        found = orjson.loads(data)
    except orjson.JSONDecodeError:
        found = [_line(source, number, line) for number, line in enumerate(data.splitlines(), 1) if line.strip()]
    cases = found if isinstance(found, list) else [found]
    if not cases or not all(isinstance(case, dict) for case in cases):
        raise CommandError(f"{source}: expected JSON objects, one case each", USAGE)
    return cases


def _line(source: str, number: int, line: bytes) -> Any:
    import orjson

    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise CommandError(f"{source}:{number}: {error}", USAGE) from error


async def _decided(client: "Client", case: dict[str, Any], deadline: float) -> dict[str, Any]:
    from countersign_local.cases import outcome_of

    while True:
        found: dict[str, Any] = await outcome_of(client, case["tenant"], case["case_id"])
        if found["outcome"] is not None or time.monotonic() > deadline:
            return found
        await asyncio.sleep(_POLL_SECONDS)

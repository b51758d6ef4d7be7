"""countersign dead-letters: what could not be read."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from countersign_local.cli import connection
from countersign_local.cli.output import JsonOption, print_json, print_line, print_table, print_text

if TYPE_CHECKING:
    from countersign_shared.messaging.bus import Bus

app = typer.Typer(help="Records that no service could read: list, show, replay, discard.", no_args_is_help=True)
Result = TypeVar("Result")
LetterId = Annotated[str, typer.Argument(help="The letter's id, or the beginning of it.")]
_MOST_OF_KEY = 128
_COLUMNS = ("id", "at", "topic", "key", "reason", "pointer", "detail", "handled")


def _with_bus(work: "Callable[[Bus], Awaitable[Result]]") -> Result:
    from countersign_local.dead_letters import operators_bus

    async def go() -> Result:
        async with operators_bus(connection.kafka_bootstrap_servers(), connection.topic_prefix()) as bus:
            return await work(bus)

    return asyncio.run(go())


@app.command("list")
def list_letters(
    handled: Annotated[bool, typer.Option("--all", help="Also those replayed or discarded.")] = False,
    json: JsonOption = False,
) -> None:
    """List what waits for attention."""
    from countersign_local.dead_letters import read_letters

    letters = [letter.summary() for letter in _with_bus(read_letters) if handled or letter.handled is None]
    if json:
        print_json(letters)
    elif letters:
        print_letters(letters)
        _hint("All of one, with its body: countersign dead-letters show ID")
    else:
        print_text("No dead letters.")


def print_letters(letters: Sequence[dict[str, Any]]) -> None:
    """Print letters as a table; a key that no case can have is cut, for whoever sent it sent any length."""
    print_table([{**letter, "key": _cut(letter["key"])} for letter in letters], _COLUMNS)


def _cut(text: str) -> str:
    return text if len(text) <= _MOST_OF_KEY else text[:_MOST_OF_KEY] + "..."


@app.command()
def show(letter_id: LetterId, json: JsonOption = False) -> None:
    """Show one letter: why it could not be read, its headers and its body."""
    from countersign_local.dead_letters import find, read_letters

    letter = find(_with_bus(read_letters), letter_id)
    body = (letter.record.value or b"").decode(errors="backslashreplace")
    headers = {name: value.decode(errors="backslashreplace") for name, value in letter.record.headers}
    if json:
        print_json({**letter.summary(), "headers": headers, "body": body})
        return
    told = letter.summary()
    told |= {name: value for name, value in headers.items() if name.removeprefix("x-") not in told}
    for name, value in told.items():
        print_line(f"{name}: {'' if value is None else value}")
    print_text(f"\n{body}")
    _hint(
        f"Once its sender has sent it in the right form: countersign dead-letters discard {letter.id}",
        f"Where the cause was ours and is mended: countersign dead-letters replay {letter.id}",
    )


@app.command()
def replay(letter_id: LetterId, json: JsonOption = False) -> None:
    """Publish the original record again where it came from, once the cause is mended."""
    from countersign_local.dead_letters import find, read_letters
    from countersign_local.dead_letters import replay as send_again

    async def work(bus: "Bus") -> str:
        letter = find(await read_letters(bus), letter_id)
        await send_again(bus, letter)
        return letter.id

    _told(_with_bus(work), "replayed", json)


@app.command()
def discard(letter_id: LetterId, json: JsonOption = False) -> None:
    """Put a letter aside for good; it stays on the record."""
    from countersign_local.dead_letters import discard as put_aside
    from countersign_local.dead_letters import find, read_letters

    async def work(bus: "Bus") -> str:
        letter = find(await read_letters(bus), letter_id)
        await put_aside(bus, letter)
        return letter.id

    _told(_with_bus(work), "discarded", json)


def _hint(*lines: str) -> None:
    """Say what comes next, beside what may be passed on."""
    print("\n" + "\n".join(lines), file=sys.stderr)


def _told(letter_id: str, done: str, json: bool) -> None:
    if json:
        print_json({"id": letter_id, "handled": done})
    else:
        print_text(f"{letter_id} {done}.")

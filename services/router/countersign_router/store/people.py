"""What the record says of people: who still holds which role."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from countersign_router.domain.signatures import Standing
from countersign_router.store.statements import Reads, Writes


@dataclass(frozen=True, slots=True)
class PersonChange:
    """What one activity says of a person; None where it says nothing of it."""

    pseudonym: str
    sequence: int
    at: datetime
    roles: tuple[str, ...] | None = None
    tenants: tuple[str, ...] | None = None
    disabled: bool | None = None


class PeopleReads(Reads):
    """What is known of people, and learning more."""

    async def standings(self, pseudonyms: Collection[str]) -> Mapping[str, Standing]:
        """Return what is known of these people; who is missing is unknown."""
        return _standings(await self._pool.fetch(self._sql.people.find_people, sorted(pseudonyms)))

    async def note_people(self, changes: Sequence[PersonChange]) -> None:
        """Take in activities about people; older ones than were taken in before change nothing."""
        rows = [_row(one) for one in sorted(changes, key=lambda change: (change.pseudonym, change.sequence))]
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.executemany(self._sql.people.note_person, rows)


class PeopleWrites(Writes):
    """People within a change."""

    async def note_person(self, one: PersonChange) -> bool:
        """Take in an activity about a person; False when a newer one was taken in before."""
        noted = await self._connection.fetchval(self._sql.people.note_person, *_row(one))
        return noted is not None

    async def hold_standings(self, pseudonyms: Collection[str]) -> Mapping[str, Standing]:
        """Return what is known of these people, and keep it from changing until this transaction ends."""
        return _standings(await self._connection.fetch(self._sql.people.hold_people, sorted(pseudonyms)))


def _row(one: PersonChange) -> tuple[Any, ...]:
    return one.pseudonym, _listed(one.roles), _listed(one.tenants), one.disabled, one.sequence, one.at


def _standings(rows: Sequence[Any]) -> dict[str, Standing]:
    return {row["pseudonym"]: Standing(_set(row["roles"]), _set(row["tenants"]), row["disabled"]) for row in rows}


def _set(names: Sequence[str] | None) -> frozenset[str] | None:
    return None if names is None else frozenset(names)


def _listed(names: Sequence[str] | None) -> list[str] | None:
    return None if names is None else list(names)

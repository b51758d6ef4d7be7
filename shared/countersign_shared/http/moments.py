"""Times in requests: with a zone, and within the calendar in UTC."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime


def _in_the_calendar(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("its zone takes it out of the calendar") from error


Moment = Annotated[AwareDatetime, AfterValidator(_in_the_calendar)]
"""A time as callers give it, in UTC: midnight of year 1 in a zone where UTC has no such year yet is refused."""

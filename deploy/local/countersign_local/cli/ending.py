"""How a command ends: an exit code that is documented, and one message when something expected failed."""

import sys
from collections.abc import Callable

from countersign_local.errors import CONFIGURATION, INTERRUPTED, NOT_RIGHT, OK, SOFTWARE
from countersign_shared.errors import ConfigurationError, CountersignError, FatalError


def ended_by(run: Callable[[], object]) -> int:
    """Run a command and return its exit code, telling expected failures on standard error."""
    try:
        run()
    except CountersignError as error:
        print(f"countersign: {error}", file=sys.stderr)
        return exit_code(error)
    except KeyboardInterrupt:
        return INTERRUPTED
    return OK


def exit_code(error: CountersignError) -> int:
    """Return the exit code of an expected failure."""
    own: int | None = getattr(error, "exit_code", None)
    if own is not None:
        return own
    if isinstance(error, ConfigurationError):
        return CONFIGURATION
    return SOFTWARE if isinstance(error, FatalError) else NOT_RIGHT

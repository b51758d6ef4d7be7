"""Whether a database that cannot be used may be back by itself, or somebody must change something."""

import ssl

import asyncpg

from countersign_shared.errors import AwayError, ConfigurationError

LOST = (
    asyncpg.PostgresConnectionError, asyncpg.AdminShutdownError, asyncpg.CrashShutdownError, asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)  # fmt: skip
"""How a session shows that it has ended. The last is what the library says of one that is used between the server's
last word and the end of the connection: it then waits for an answer that never comes."""

FAULTS = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, TimeoutError)
"""Whatever a database that is away, busy or full makes of a question: for work that comes round again by itself."""

LIBRARY_ERRORS = (*FAULTS, ValueError)
"""What the library raises where no connection can be made."""

NO_URL = "is no URL of a database: in a password / ? # [ ] @ : % are written %2F %3F %23 %5B %5D %40 %3A %25"

_PASSES = (
    OSError, TimeoutError,
    # The server goes, comes, or has no room for one more.
    asyncpg.PostgresConnectionError, asyncpg.OperatorInterventionError, asyncpg.InsufficientResourcesError,
    # Another replica is at the same table.
    asyncpg.DeadlockDetectedError, asyncpg.LockNotAvailableError, asyncpg.SerializationError,
    # A standby is to take over.
    asyncpg.InternalClientError, asyncpg.ReadOnlySQLTransactionError,
)  # fmt: skip
_STAYS = (ssl.SSLError, PermissionError)


def may_pass(error: BaseException) -> bool:
    """Tell whether the same may work in a moment: an address, a password or a right that is wrong stays wrong."""
    return isinstance(error, _PASSES) and not isinstance(error, _STAYS)


def unusable(error: BaseException, what: str = "") -> ConfigurationError:
    """Return what to raise about a database that could not be connected to; ``what`` says what for."""
    if may_pass(error):
        return AwayError(f"PostgreSQL does not answer at DATABASE_URL{what}: {error!r}")
    if isinstance(error, ValueError) and not isinstance(error, asyncpg.InterfaceError):
        # Its words repeat what it took for a port or a parameter: a part of the password.
        return ConfigurationError(f"DATABASE_URL{what} {NO_URL}")
    return ConfigurationError(f"PostgreSQL refused DATABASE_URL{what}: {error!r}")

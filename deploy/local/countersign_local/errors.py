"""What can go wrong on this machine, told so that the reader knows what to do next.

LocalError
├── PartError                  a part (database, broker, JVM) cannot be started here, or ended by itself
│   └── PartMissingError       this machine lacks something (Java, Maven); a test may skip for this reason
└── AlreadyRunningError        another process holds the state directory

`exit_code` is what the command line ends with; the numbers are those of sysexits.h.
"""

from countersign_shared.errors import CountersignError


class LocalError(CountersignError):
    """The message is for a person, and says what to do next."""

    code = "local"
    exit_code = 1


class PartError(LocalError):
    """A part cannot be started, or ended by itself."""

    code = "part_failed"
    exit_code = 69


class PartMissingError(PartError):
    """This machine lacks something that the part needs."""

    code = "part_missing"


class AlreadyRunningError(LocalError):
    """Another process holds the state directory."""

    code = "already_running"
    exit_code = 75

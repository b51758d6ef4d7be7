"""What can go wrong on this machine, told so that the reader knows what to do next.

LocalError
├── CommandError               a command cannot do what it was asked
├── PartError                  a part (database, broker, JVM) cannot be started here, or ended by itself
│   └── PartMissingError       this machine lacks something (Java, Maven); a test may skip for this reason
└── AlreadyRunningError        another process holds the state directory

`exit_code` is what the command line ends with; from 64 on the numbers are those of sysexits.h.
"""

from countersign_shared.errors import CountersignError

OK = 0
NOT_RIGHT = 1
USAGE = 2
NO_INPUT = 66
UNAVAILABLE = 69
SOFTWARE = 70
IO = 74
BUSY = 75
NOT_PERMITTED = 77
CONFIGURATION = 78
INTERRUPTED = 130

EXIT_CODES = {
    OK: "done, and everything checked is right",
    NOT_RIGHT: "refused, or something checked, or in a file, is not right",
    USAGE: "the command was not understood",
    NO_INPUT: "a file that was named is not there, or cannot be read",
    UNAVAILABLE: "something needed does not run, does not answer or is missing",
    SOFTWARE: "a service ended by itself; its reason is above",
    IO: "a file or the output cannot be written, or nobody reads it",
    BUSY: "another countersign holds the state directory",
    NOT_PERMITTED: "the API key is not valid or does not allow this",
    CONFIGURATION: "the configuration does not fit; the message says what to change",
    INTERRUPTED: "interrupted",
}
"""What each exit code of `countersign` means."""


class LocalError(CountersignError):
    """The message is for a person, and says what to do next."""

    code = "local"
    exit_code = NOT_RIGHT


class CommandError(LocalError):
    """A command cannot do what it was asked."""

    code = "command"

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class PartError(LocalError):
    """A part cannot be started, or ended by itself."""

    code = "part_failed"
    exit_code = UNAVAILABLE


class PartMissingError(PartError):
    """This machine lacks something that the part needs."""

    code = "part_missing"


class AlreadyRunningError(LocalError):
    """Another process holds the state directory."""

    code = "already_running"
    exit_code = BUSY

"""The errors every service shares.

CountersignError
├── ConfigurationError   what was set up cannot work; said in one line at start, exit code 78
│   └── AwayError        what a start needs does not answer now; exit code 75, and the next start may do
├── TransientError       may pass by itself; tried again with back-off
├── FatalError           going on would lose or double something; the process ends, exit code 70
└── Unreadable           a record that cannot be read (messaging.cloudevents)
"""


class CountersignError(Exception):
    """Something expected went wrong; ``code`` is stable and fit for a label."""

    code = "error"


class ConfigurationError(CountersignError):
    """The configuration or the surroundings do not fit; the message says what to change."""

    code = "configuration"


class AwayError(ConfigurationError):
    """A server that is needed cannot be reached, or is held by another; may pass by itself."""

    code = "away"


class TransientError(CountersignError):
    """A fault that may pass by itself."""

    code = "transient"


class FatalError(CountersignError):
    """The process must end: a supervisor restarts it, and stored rows are published again."""

    code = "fatal"

"""Labels of metrics that come from outside: few, whatever upstream sends."""

from collections.abc import Container

UNKNOWN_TYPE = "unknown"


def type_label(decision_type: str, declared: Container[str]) -> str:
    """Return what metrics call a decision type: its name, or one word for all that nobody has declared.

    Upstream can invent names, and each label costs memory for ever, here and where it is collected.
    """
    return decision_type if decision_type in declared else UNKNOWN_TYPE

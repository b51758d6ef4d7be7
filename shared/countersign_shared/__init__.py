"""Words and mechanisms shared by every service; no judgement."""

__version__ = "0.1.0"

"""Words and mechanisms shared by every service; no judgement."""

"""The console in a real browser on the whole system. One system and one browser for all files here."""

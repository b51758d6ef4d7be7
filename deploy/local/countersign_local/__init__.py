"""The countersign command and the whole system in one process tree."""

"""The whole system in one process tree, with cases arriving."""

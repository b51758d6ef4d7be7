"""The only place that sees a database connection, by noun: intake, updates, claims, answers, register, people."""

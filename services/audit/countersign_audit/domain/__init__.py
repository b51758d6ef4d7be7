"""What a log entry says and how it is hashed: values and functions, no I/O, no clock, no chance."""

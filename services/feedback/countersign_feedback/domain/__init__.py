"""Pure values and functions: what the counts mean. No I/O, no clock, no chance."""

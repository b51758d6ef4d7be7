"""Benchmarks: ratios against a floor on the same machine in the same run, never absolute bars."""

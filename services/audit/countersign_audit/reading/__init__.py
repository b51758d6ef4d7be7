"""Showing the record: timelines, proofs, tiles, searches and one person's whole record; whoever looks is on it."""

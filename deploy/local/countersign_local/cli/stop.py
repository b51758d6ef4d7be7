"""countersign stop: no more automation, at once."""

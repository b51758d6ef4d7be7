"""Countersign audit service."""

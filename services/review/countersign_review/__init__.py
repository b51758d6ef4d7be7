"""Countersign review service."""

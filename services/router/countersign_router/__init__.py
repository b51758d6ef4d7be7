"""Countersign router service."""

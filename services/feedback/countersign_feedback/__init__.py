"""Countersign feedback service."""

"""Countersign inference service."""

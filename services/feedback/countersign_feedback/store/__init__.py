"""The only package that sees a database connection; a file per noun, one ``Store`` of all of them."""

from countersign_feedback.store.store import SCHEMA, Store

__all__ = ["SCHEMA", "Store"]

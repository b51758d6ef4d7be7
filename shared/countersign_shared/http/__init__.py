"""HTTP: one application factory, one shape of error, one way to say who may call."""

from countersign_shared.http.app import create_app
from countersign_shared.http.auth import ROLES, Authenticate, Principal, TokenVerifier, public, require
from countersign_shared.http.problems import FieldError, Problem

__all__ = [
    "ROLES",
    "Authenticate",
    "FieldError",
    "Principal",
    "Problem",
    "TokenVerifier",
    "create_app",
    "public",
    "require",
]

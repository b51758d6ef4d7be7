"""Whom TLS servers are vouched for by, for every client of a process."""

import ssl
from functools import cache

import httpx

from countersign_shared.errors import ConfigurationError


@cache
def roots() -> ssl.SSLContext:
    """Return the roots that are trusted (`SSL_CERT_FILE`, `SSL_CERT_DIR`, or what the HTTP client brings along).

    Read once: each client would read them anew, and the event loop stand still for some 25 ms. Roots that cannot
    be read are a ``ConfigurationError``.
    """
    try:
        return httpx.create_ssl_context()
    except OSError as error:
        raise ConfigurationError(f"SSL_CERT_FILE or SSL_CERT_DIR: no certificates there: {error}") from error

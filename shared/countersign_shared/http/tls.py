"""Whom TLS servers are vouched for by, for every client of a process."""

import ssl
from functools import cache

import httpx


@cache
def roots() -> ssl.SSLContext:
    """Return the roots that are trusted (`SSL_CERT_FILE`, `SSL_CERT_DIR`, or what the HTTP client brings along).

    Read once: each client would read them anew, and the event loop stand still for some 25 ms.
    """
    return httpx.create_ssl_context()

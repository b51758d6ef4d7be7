"""Five-minute tokens: what a caller's session or key is exchanged for, one per service."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, OKPKey

from countersign_shared.http.auth import ISSUER

ALGORITHM = "Ed25519"
LIFETIME = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Bearer:
    """Who a token is for: the pseudonym that may enter records, the name, the roles and tenants.

    ``own_roles`` are those they hold, where the token lends them others for one reading: records name what is theirs.
    """

    subject: str
    name: str
    roles: frozenset[str]
    tenants: frozenset[str]
    own_roles: frozenset[str] = frozenset()


def make_key() -> tuple[str, bytes, bytes]:
    """Make a signing key: its id, the private and the public half as PEM."""
    key = OKPKey.generate_key("Ed25519", auto_kid=True)
    return str(key.kid), key.as_pem(private=True), key.as_pem(private=False)


class Signer:
    """Signs with the newest key; the older ones stay published until their tokens are gone."""

    def __init__(self, keys: Sequence[tuple[str, bytes]]) -> None:
        self._keys = [OKPKey.import_key(private, {"kid": kid, "use": "sig", "alg": ALGORITHM}) for kid, private in keys]
        self._verifying = KeySet([*self._keys])

    def sign(self, bearer: Bearer, *, audience: str, now: datetime, forwarded: bool = False) -> str:
        """Return a token for one service, good for five minutes; ``forwarded``: what it is told comes back here."""
        claims = {
            "iss": ISSUER, "aud": audience, "sub": bearer.subject, "name": bearer.name,
            "roles": sorted(bearer.roles), "tenants": sorted(bearer.tenants),
            **({"own_roles": sorted(bearer.own_roles)} if bearer.own_roles else {}),
            **({"forwarded": True} if forwarded else {}),
            "iat": int(now.timestamp()), "exp": int((now + LIFETIME).timestamp()),
        }  # fmt: skip
        key = self._keys[0]
        return jwt.encode({"alg": ALGORITHM, "kid": key.kid}, claims, key, algorithms=[ALGORITHM])

    def read(self, token: str, *, audience: str, now: datetime) -> dict[str, Any] | None:
        """Return a token's claims, or None when it is not ours, not for this audience, or over."""
        try:
            claims = jwt.decode(token, self._verifying, algorithms=[ALGORITHM]).claims
        except (JoseError, ValueError):
            return None
        good = claims.get("iss") == ISSUER and claims.get("aud") == audience and claims.get("exp", 0) > now.timestamp()
        return claims if good else None

    def public(self) -> dict[str, Any]:
        """Return the public keys as a JSON Web Key Set."""
        return {
            "keys": [
                {name: value for name, value in key.as_dict(private=False).items() if name != "key_ops"}
                for key in self._keys
            ]
        }

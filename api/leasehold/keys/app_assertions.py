"""The short JWT with which a GitHub App says who it is (RS256)."""

from __future__ import annotations

from datetime import datetime, timedelta

import jwt

from leasehold.model.external import MintRefused

_BACK = timedelta(seconds=60)  # GitHub's advice against clocks that run ahead
_LIFE = timedelta(minutes=5)


def app_assertion(app_id: str, private_key: str, now: datetime) -> str:
    """The JWT, good for five minutes. Raises `MintRefused` if the key is none."""
    claims = {"iss": app_id, "iat": int((now - _BACK).timestamp()), "exp": int((now + _LIFE).timestamp())}
    try:
        return jwt.encode(claims, private_key, algorithm="RS256")
    except (ValueError, TypeError, jwt.PyJWTError):
        raise MintRefused("the private key of the GitHub App is not an RSA key as PEM") from None

"""A client with a key of its own: assertions (RFC 7523) and proofs (RFC 9449), right or wrong in one way."""

import base64
import hashlib
import json
import uuid
from datetime import datetime
from typing import Any

import jwt
from tests.fakes.exchange_world import ISSUER
from tests.fakes.simulated_issuer import SigningKey

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
TOKEN_URL = f"{ISSUER}/oauth2/token"


class ClientKey:
    """One key pair."""

    def __init__(self, algorithm: str = "ES256") -> None:
        self.key = SigningKey.new(algorithm)

    @property
    def jwk(self) -> dict[str, Any]:
        text = jwt.get_algorithm_by_name(self.key.algorithm).to_jwk(self.key.private.public_key())
        return json.loads(text)

    @property
    def jwks(self) -> str:
        return json.dumps({"keys": [{**self.jwk, "kid": self.key.kid, "use": "sig"}]})

    def assertion(self, now: datetime, *, client: str = "triage", header: Any = None, **changes: Any) -> str:
        issued = int(now.timestamp())
        claims = {
            "iss": client,
            "sub": client,
            "aud": ISSUER,
            "iat": issued,
            "exp": issued + 60,
            "jti": uuid.uuid4().hex,
        }
        said = {name: value for name, value in {**claims, **changes}.items() if value is not None}
        head = {"kid": self.key.kid, **(header or {})}
        return jwt.encode(said, self.key.private, self.key.algorithm, headers=head)

    def proof(
        self, now: datetime, *, url: str = TOKEN_URL, method: str = "POST", token: str | None = None, **changes: Any
    ) -> str:
        head = {"typ": "dpop+jwt", "jwk": self.jwk, **changes.pop("header", {})}
        claims = {"htm": method, "htu": url, "iat": int(now.timestamp()), "jti": uuid.uuid4().hex}
        if token is not None:
            claims["ath"] = encode(hashlib.sha256(token.encode()).digest())
        said = {name: value for name, value in {**claims, **changes}.items() if value is not None}
        return jwt.encode(said, self.key.private, self.key.algorithm, headers=head)

    @property
    def thumbprint(self) -> str:
        members = {name: self.jwk[name] for name in ("crv", "kty", "x", "y")}
        return encode(hashlib.sha256(json.dumps(members, separators=(",", ":"), sort_keys=True).encode()).digest())


def encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

"""Stands in for a login on a machine of one's own: a key, whom the registry is to believe, and two tokens.

Writes `bootstrap.json` for `leasehold bootstrap`, `loader.jwt` (a security admin) and `pep.jwt` (an enforcement point)
into the folder that it runs in. The key is thrown away: an hour later nobody can become anybody by it.
"""

import json
import os
import time
from pathlib import Path

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

ISSUER, NAME = "https://login.example", "local"
ROLES = {"loader": "security-admin", "pep": "enforcer"}
HOUR = 3600


def write(folder: Path, endpoint: str) -> None:
    """Everything, into a folder."""
    key = ec.generate_private_key(ec.SECP256R1())
    public = {**ECAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": "1", "use": "sig", "alg": "ES256"}
    issuer = {"name": NAME, "type": "oidc", "issuer": ISSUER, "audiences": [endpoint], "algorithms": ["ES256"]}
    bindings = [
        {"name": who, "trust_issuer": NAME, "role": role, "oidc": {"subject": who}} for who, role in ROLES.items()
    ]
    issuer["jwks"] = json.dumps({"keys": [public]})
    (folder / "bootstrap.json").write_text(json.dumps({"trust_issuer": issuer, "workload_bindings": bindings}))
    now = int(time.time())
    for who in ROLES:
        claims = {"iss": ISSUER, "aud": endpoint, "sub": who, "iat": now, "exp": now + HOUR, "jti": f"{who}-{now}"}
        (folder / f"{who}.jwt").write_text(jwt.encode(claims, key, "ES256", {"kid": "1"}))


if __name__ == "__main__":
    write(Path(), os.environ["LEASEHOLD_ENDPOINT"])

"""A second implementation is asked about thousands of damaged tokens: what we accept, joserfc must accept too.

Where we refuse and joserfc accepts, the reason must be a rule that only our profile has.
"""

import base64
import json
import random
from datetime import UTC, datetime, timedelta

import pytest
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from tests.fakes.exchange_world import signing_key
from tests.fakes.simulated_issuer import SimulatedIssuer, sign_raw

from leasehold.keys.jwks import parse_jwks
from leasehold.keys.verification import verify
from leasehold.model.tokens import Flaw, TokenProfile, TokenRefused, UnverifiedToken

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
MUTATIONS = 1500
# Rules of ours that a signature library does not have: it sees an intact signature.
OURS = frozenset(Flaw) - {Flaw.BAD_SIGNATURE, Flaw.UNKNOWN_KEY, Flaw.ALGORITHM_REFUSED}
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ "


def flip(token, chance):
    at = chance.randrange(len(token))
    return token[:at] + chance.choice(ALPHABET) + token[at + 1 :]


def drop(token, chance):
    at = chance.randrange(len(token))
    return token[:at] + token[at + 1 :]


def insert(token, chance):
    at = chance.randrange(len(token) + 1)
    return token[:at] + chance.choice(ALPHABET) + token[at:]


def swap_segments(token, chance):
    parts = token.split(".")
    chance.shuffle(parts)
    return ".".join(parts)


def truncate(token, chance):
    return token[: chance.randrange(len(token))]


def rewrite_header(token, chance):
    header, rest = token.split(".", 1)
    members = json.loads(base64.urlsafe_b64decode(header + "=="))
    change = chance.choice([{"alg": "none"}, {"alg": "HS256"}, {"kid": "x"}, {"typ": "at+jwt"}, {"crit": ["b64"]}, {}])
    text = json.dumps({**members, **change}, indent=chance.choice([None, 1]))
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode() + "." + rest


def rewrite_payload(token, chance):
    header, payload, signature = token.split(".")
    members = json.loads(base64.urlsafe_b64decode(payload + "=="))
    members[chance.choice(["sub", "iss", "aud", "exp"])] = chance.choice(["admin", 9_999_999_999, [], None])
    return ".".join((header, base64.urlsafe_b64encode(json.dumps(members).encode()).rstrip(b"=").decode(), signature))


def sign_oddly(token, chance, issuer):
    """A valid signature over something no honest issuer signs."""
    key = issuer.keys[0]
    header = {"alg": key.algorithm, "kid": key.kid, **chance.choice([{}, {"typ": "x"}, {"jku": "https://x"}])}
    claims = issuer.claims(**chance.choice([{"exp": "x"}, {"aud": []}, {"sub": None}, {"iat": 10**12}, {}]))
    return sign_raw(json.dumps(header).encode(), json.dumps(claims).encode(), key)


DAMAGES = (flip, drop, insert, swap_segments, truncate, rewrite_header, rewrite_payload, flip, flip)


def ours(token, issuer, algorithm) -> Flaw | None:
    profile = TokenProfile(
        issuer=issuer.url,
        audiences=frozenset({issuer.audience}),
        algorithms=frozenset({algorithm}),
        types=frozenset({"", "jwt"}),
        required=frozenset(),
        max_ttl=timedelta(hours=2),
    )
    try:
        verify(UnverifiedToken(token), profile, parse_jwks(issuer.jwks(), profile.algorithms), NOW)
    except TokenRefused as refused:
        return refused.flaw
    return None


def theirs(token, issuer, algorithm) -> bool:
    try:
        jws.deserialize_compact(token, KeySet.import_key_set(json.loads(issuer.jwks())), algorithms=[algorithm])
    except (JoseError, ValueError, TypeError, KeyError):
        return False
    return True


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_two_implementations_agree_on_damaged_tokens(algorithm):
    issuer = SimulatedIssuer.oidc(keys=[signing_key("second-opinion", algorithm)], clock=lambda: NOW)
    chance = random.Random(20261123)  # noqa: S311  a test that fails must fail again
    counted = {"refused": 0, "accepted": 0, "stricter": 0}
    for _ in range(MUTATIONS):
        whole = issuer.token()
        token = sign_oddly(whole, chance, issuer) if chance.random() < 0.1 else chance.choice(DAMAGES)(whole, chance)
        flaw, accepted = ours(token, issuer, algorithm), theirs(token, issuer, algorithm)
        assert flaw is not None or accepted, f"only we accept {token}"
        if accepted and flaw is not None:
            assert flaw in OURS, f"{flaw}: a signature that only joserfc takes: {token}"
            counted["stricter"] += 1
        else:
            counted["accepted" if accepted else "refused"] += 1

    # The comparison means something only if every outcome was met.
    assert counted["refused"] > MUTATIONS / 2
    assert counted["accepted"] > 0
    assert counted["stricter"] > 0

"""A second implementation is asked about thousands of damaged tokens: what we accept, joserfc must accept too.

Where we refuse and joserfc accepts, the reason must be a rule that only our profile has.
"""

import base64
import json
import random
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from tests.fakes.exchange_world import signing_key
from tests.fakes.simulated_issuer import SimulatedIssuer, sign_raw

from leasehold.keys.jwks import parse_jwks
from leasehold.keys.verification import verify
from leasehold.model.tokens import Flaw, TokenProfile, TokenRefused, UnverifiedToken

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
MUTATIONS = 1800  # of each of six algorithms: more than ten thousand
ALGORITHMS = ("RS256", "RS512", "PS256", "ES256", "ES384", "ES512")
# Rules of ours that a signature library does not have: it sees an intact signature.
OURS = frozenset(Flaw) - {Flaw.BAD_SIGNATURE, Flaw.UNKNOWN_KEY, Flaw.ALGORITHM_REFUSED}
URL_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
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


def other_alphabet(token, chance):
    """The same bits spelt differently: padding, the other base64, white space."""
    spelt = chance.choice([("-", "+"), ("_", "/"), (".", ".\n"), (".", "=."), (".", ". "), (".", ".=")])
    return token.replace(*spelt, chance.choice([1, -1]))


def stray_bits(token, chance):
    """Another last character that many decoders read as the same bytes."""
    at = chance.choice([token.index(".") - 1, token.rindex(".") - 1, len(token) - 1])
    value = URL_ALPHABET.index(token[at])
    return token[:at] + URL_ALPHABET[value ^ chance.choice([1, 2, 3])] + token[at + 1 :]


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


def reencode_signature(token, chance):
    """The signature in the other encoding, cut, doubled or empty."""
    rest, _, signature = token.rpartition(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    half = len(raw) // 2
    changed = chance.choice(
        [b"", raw[:half], raw + raw, b"\0" + raw, raw + b"\0", raw[half:] + raw[:half], bytes(half * 2)]
    )
    if len(raw) == 64:
        r, s = int.from_bytes(raw[:32]), int.from_bytes(raw[32:])
        changed = chance.choice(
            [changed, encode_dss_signature(r, s), raw[:32] + (P256_ORDER - s % P256_ORDER).to_bytes(32)]
        )
    return rest + "." + base64.urlsafe_b64encode(changed).rstrip(b"=").decode()


DAMAGES = (
    *(flip, drop, insert, swap_segments, truncate, rewrite_header, rewrite_payload, flip, flip),
    *(other_alphabet, stray_bits, reencode_signature),
)


def ours(token, issuer, algorithm, keys) -> Flaw | None:
    profile = TokenProfile(
        issuer=issuer.url,
        audiences=frozenset({issuer.audience}),
        algorithms=frozenset({algorithm}),
        types=frozenset({"", "jwt"}),
        required=frozenset(),
        max_ttl=timedelta(hours=2),
    )
    try:
        verify(UnverifiedToken(token), profile, keys, NOW)
    except TokenRefused as refused:
        return refused.flaw
    return None


def theirs(token, algorithm, keys) -> bool:
    try:
        jws.deserialize_compact(token, keys, algorithms=[algorithm])
    except (JoseError, ValueError, TypeError, KeyError):
        return False
    return True


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_two_implementations_agree_on_damaged_tokens(algorithm):
    issuer = SimulatedIssuer.oidc(keys=[signing_key("second-opinion", algorithm)], clock=lambda: NOW)
    chance = random.Random(f"20261123 {algorithm}")  # noqa: S311  a test that fails must fail again
    our_keys = parse_jwks(issuer.jwks(), frozenset({algorithm}))
    their_keys = KeySet.import_key_set(json.loads(issuer.jwks()))
    whole = issuer.token()
    counted = {"refused": 0, "accepted": 0, "stricter": 0}
    for _ in range(MUTATIONS):
        token = sign_oddly(whole, chance, issuer) if chance.random() < 0.1 else chance.choice(DAMAGES)(whole, chance)
        flaw, accepted = ours(token, issuer, algorithm, our_keys), theirs(token, algorithm, their_keys)
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

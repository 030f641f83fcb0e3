"""Tokens bound to a key of the caller's own (RFC 9449): the key's file, the proofs, and the nonce that is asked for."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import threading
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from tests.unit.cli.terraform import leasehold

from leasehold.cli.possession import held_key, held_or_made_key
from leasehold.keys.dpop import Proofs, jwk_thumbprint
from leasehold.keys.nonces import Nonces
from leasehold.model.possession import NonceWanted
from leasehold.model.tokens import UnverifiedToken

ENDPOINT = "http://127.0.0.1:8420"
TOOLS = "https://mcp.example.com/github"


class Registry:
    """Answers as the registry does, with the registry's own eyes for proofs."""

    def __init__(self, nonces=None):
        self.proofs = Proofs(nonces)
        self.seen, self.bound = [], []

    def __call__(self, request):
        self.seen.append(request)
        sent, path = request.headers.get("dpop"), request.url.raw_path.decode().partition("?")[0]
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        now = datetime.now(UTC)
        try:
            possession = sent and self.proofs.check(
                UnverifiedToken(sent), request.method, ENDPOINT + path, now, token or None
            )
        except NonceWanted as wanted:
            headers = {"dpop-nonce": wanted.nonce}
            if token:
                challenge = 'DPoP algs="ES256", error="use_dpop_nonce"'
                return httpx.Response(401, json={}, headers={**headers, "www-authenticate": challenge})
            return httpx.Response(400, json={"error": "use_dpop_nonce"}, headers=headers)
        self.bound.append((scheme, possession.key if possession else None))
        kind = "DPoP" if possession else "Bearer"
        answer = {"access_token": "x.y.z", "token_type": kind, "expires_in": 300, "scope": "s", "lease": "l-1"}
        return httpx.Response(200, json=answer | {"task": "t", "ended_at": "now"})


@pytest.fixture
def pod(tmp_path):
    path = tmp_path / "pod.jwt"
    path.write_text("a.b.c")
    return path


@pytest.fixture
def token(tmp_path):
    path = tmp_path / "token.jwt"
    path.write_text("x.y.z")
    return path


@pytest.fixture
def key(tmp_path):
    return tmp_path / "agent.pem"


def exchange(pod, key, registry, *more):
    asked = ("token", "exchange", "--resource", TOOLS, "--subject-token-file", pod, "--dpop-key", key, *more)
    return leasehold(*asked, answer=registry)


def test_a_key_is_made_for_its_owner_alone_and_kept(key):
    first = held_or_made_key(key)
    assert key.stat().st_mode & 0o777 == 0o600
    assert held_or_made_key(key).thumbprint == held_key(key).thumbprint == jwk_thumbprint(first.jwk)
    assert [path.name for path in key.parent.iterdir()] == [key.name]


def test_the_umask_of_who_asks_opens_nothing(key):
    before = os.umask(0)
    try:
        held_or_made_key(key)
    finally:
        os.umask(before)
    assert key.stat().st_mode & 0o777 == 0o600


def test_of_many_that_make_a_key_at_once_all_get_the_same(key):
    found = []
    together = threading.Barrier(8)

    def make():
        together.wait()
        found.append(held_or_made_key(key).thumbprint)

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o601])
def test_a_key_that_others_could_read_is_not_used_and_nothing_is_sent(pod, key, mode):
    held_or_made_key(key)
    key.chmod(mode)
    registry = Registry()
    code, out, err = exchange(pod, key, registry)
    assert (code, out, registry.seen) == (1, "", [])
    assert "others on this machine could read the key" in err


def written(private, password=None):
    hidden = BestAvailableEncryption(password) if password else NoEncryption()
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, hidden)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"junk",
        b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        written(ec.generate_private_key(ec.SECP384R1())),
        written(rsa.generate_private_key(65537, 2048)),
        written(ec.generate_private_key(ec.SECP256R1()), b"secret"),
    ],
    ids=["nothing", "junk", "broken", "another curve", "rsa", "with a password"],
)
def test_a_file_that_holds_no_such_key_is_refused_and_left_as_it_is(pod, key, content):
    key.write_bytes(content)
    key.chmod(0o600)
    registry = Registry()
    code, out, err = exchange(pod, key, registry)
    assert (code, out, registry.seen) == (1, "", [])
    assert "is not an EC P-256 private key" in err
    assert key.read_bytes() == content


def test_a_folder_that_is_not_there_is_told(pod, tmp_path):
    code, _, err = exchange(pod, tmp_path / "no" / "agent.pem", Registry())
    assert code == 1
    assert "no key can be made" in err


def test_an_exchange_binds_the_token_and_says_to_which_key(pod, key):
    registry = Registry()
    code, out, err = exchange(pod, key, registry)

    assert (code, out) == (0, "x.y.z\n")
    assert registry.bound == [("", held_key(key).thumbprint)]
    assert f"bound to key {held_key(key).thumbprint}" in err
    assert "PRIVATE" not in out + err


def test_a_nonce_that_is_asked_for_is_brought_in_a_new_proof_and_once(pod, key):
    registry = Registry(Nonces(b"k" * 32))
    code, out, _ = exchange(pod, key, registry)

    assert (code, out) == (0, "x.y.z\n")
    assert [("dpop" in one.headers) for one in registry.seen] == [True, True]
    assert len({claims(one)["jti"] for one in registry.seen}) == 2

    class Insatiable(Registry):
        def __call__(self, request):
            self.seen.append(request)
            return httpx.Response(400, json={"error": "use_dpop_nonce"}, headers={"dpop-nonce": "another"})

    insatiable = Insatiable()
    code, out, err = exchange(pod, key, insatiable)
    assert (code, out, len(insatiable.seen)) == (1, "", 2)
    assert "use_dpop_nonce" in err


def claims(request):
    payload = request.headers["dpop"].split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


def test_a_token_that_was_not_bound_is_not_taken(pod, key):
    def careless(_request):
        return httpx.Response(200, json={"access_token": "x.y.z", "token_type": "Bearer", "expires_in": 300})

    code, out, err = exchange(pod, key, careless)
    assert (code, out) == (1, "")
    assert "did not bind the token" in err
    assert "x.y.z" not in err


def test_without_a_key_nothing_is_proved(pod):
    registry = Registry()
    code, _, err = leasehold("token", "exchange", "--subject-token-file", pod, answer=registry)
    assert (code, registry.bound) == (0, [("", None)])
    assert "bound to" not in err


@pytest.mark.parametrize("nonces", [None, Nonces(b"k" * 32)], ids=["without-nonces", "with-nonces"])
def test_a_bound_token_is_presented_with_a_proof_of_itself(token, key, nonces):
    held_or_made_key(key)
    registry = Registry(nonces)
    code, _, err = leasehold("task", "end", "ticket 4711", "--token-file", token, "--dpop-key", key, answer=registry)
    assert (code, err) == (0, "")
    assert registry.bound == [("DPoP", held_key(key).thumbprint)]
    assert claims(registry.seen[-1])["htu"] == f"{ENDPOINT}/v1/tasks/ticket%204711:end"


def test_a_credential_is_drawn_with_a_token_that_is_bound_on_the_way(pod, key):
    registry = Registry()
    environ = {"LEASEHOLD_OIDC_TOKEN_FILE": str(pod)}
    code, _, _ = leasehold("credential", "get", "orders", "--dpop-key", key, answer=registry, environ=environ)
    assert code == 0
    assert registry.bound == [("", held_key(key).thumbprint), ("DPoP", held_key(key).thumbprint)]


def test_a_key_without_a_token_of_its_own_proves_nothing(key):
    registry = Registry()
    code, _, err = leasehold("task", "end", "t", "--dpop-key", key, answer=registry)
    assert (code, registry.seen) == (1, [])
    assert "--token-file" in err
    assert not key.exists()


def test_a_proof_for_another_server_is_written_alone_to_stdout(token, key):
    held_or_made_key(key)
    asked = ("token", "proof", "--dpop-key", key, "--url", f"{TOOLS}?x=1#y", "--token-file", token, "--nonce", "n-1")
    code, out, err = leasehold(*asked, answer=lambda _: httpx.Response(500))
    assert (code, err) == (0, "")
    possession = Proofs().check(UnverifiedToken(out.strip()), "POST", TOOLS, datetime.now(UTC), "x.y.z")
    assert possession.key == held_key(key).thumbprint
    said = json.loads(base64.urlsafe_b64decode(out.split(".")[1] + "=="))
    ath = base64.urlsafe_b64encode(hashlib.sha256(b"x.y.z").digest()).rstrip(b"=").decode()
    assert (said["htu"], said["nonce"], said["ath"]) == (TOOLS, "n-1", ath)
    assert datetime.now(UTC) - datetime.fromtimestamp(said["iat"], UTC) < timedelta(minutes=1)


def test_a_proof_needs_a_key_that_is_there(key):
    code, out, err = leasehold(
        "token", "proof", "--dpop-key", key, "--url", TOOLS, answer=lambda _: httpx.Response(500)
    )
    assert (code, out, key.exists()) == (1, "", False)
    assert "there is no key" in err

"""The run's own key: proofs that the registry's verifier takes, fresh for every attempt, with what was asked for."""

import json
from base64 import urlsafe_b64decode
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from urllib.parse import parse_qs

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from tests.fakes.provider_host import Terraform

from leasehold.keys.dpop import Proofs, jwk_thumbprint
from leasehold.keys.nonces import Nonces
from leasehold.model.possession import NonceWanted, ProofRefused
from leasehold.model.tokens import UnverifiedToken
from leasehold_provider.client import Answer, ConnectionLost
from leasehold_provider.possession import Possession, ProofKey
from leasehold_provider.protocol import DiagnosticError
from leasehold_provider.registry import Registry
from leasehold_provider.retry import Retry
from leasehold_provider.session import DevelopmentSession, Session

ENDPOINT = "https://leasehold.example"
SERVER = {"name": "github", "url": "https://mcp.example.com/github", "revision": 1, "managed_by": None, "tools": {}}


class BoundRegistry:
    """A registry behind `HttpClient.send`, whose doors check proofs as the real ones do, and use each up once."""

    def __init__(self, *, nonces=False, ahead=timedelta(), binds=True, wants_keys=False):
        self.proofs = Proofs(Nonces(b"k" * 32) if nonces else None)
        self.ahead, self.binds, self.wants_keys = ahead, binds, wants_keys
        self.used, self.keys, self.heard, self.lost = set(), {}, [], 0
        self.issued = 0

    @property
    def now(self):
        return datetime.now(UTC) + self.ahead

    def send(self, method, path, *, headers=None, body=None, timeout=0):  # noqa: ARG002  as HttpClient
        self.heard.append((method, path, dict(headers or {})))
        if self.lost:
            self.lost -= 1
            self._prove(method, path, headers)  # it came, and the answer was lost
            raise ConnectionLost("reset")
        if path == "/oauth2/token":
            return self._token(headers, parse_qs(body.decode()))
        if path == "/oauth2/revoke":
            return Answer(200, {}, b"")
        return self._door(method, path, headers)

    def _answer(self, status, members, **headers):
        dated = {"date": format_datetime(self.now, usegmt=True)}
        return Answer(status, {**dated, **headers}, json.dumps(members).encode())

    def _prove(self, method, path, headers, token=None):
        url = f"{ENDPOINT}{path.partition('?')[0]}"
        proved = self.proofs.check(UnverifiedToken(headers["DPoP"]), method, url, self.now, token)
        use = proved.first_use.digest
        if use in self.used:
            raise ProofRefused("used before")
        self.used.add(use)
        return proved

    def _token(self, headers, form):
        if not self.binds or "DPoP" not in headers:
            if self.wants_keys and form.get("client_id"):
                return self._answer(400, {"error": "invalid_dpop_proof", "error_description": "prove a key"})
            return self._given("Bearer", None)
        try:
            proved = self._prove("POST", "/oauth2/token", headers)
        except NonceWanted as wanted:
            return self._answer(400, {"error": "use_dpop_nonce"}, **{"dpop-nonce": wanted.nonce})
        except ProofRefused:
            return self._answer(400, {"error": "invalid_dpop_proof"})
        return self._given("DPoP", proved)

    def _given(self, kind, proved):
        self.issued += 1
        token = f"token-{self.issued}"
        self.keys[token] = proved.key if proved is not None else None
        told = {"access_token": token, "token_type": kind, "expires_in": 300, "lease": f"l{self.issued}", "scope": ""}
        nonce = {"dpop-nonce": proved.next_nonce} if proved is not None and proved.next_nonce else {}
        return self._answer(200, told, **nonce)

    def _door(self, method, path, headers):
        scheme, _, token = headers["Authorization"].partition(" ")
        key = self.keys[token]
        if (scheme == "DPoP") is (key is None):
            return self._answer(401, {}, **{"www-authenticate": 'Bearer error="invalid_token"'})
        if key is not None:
            try:
                proved = self._prove(method, path, headers, token)
            except NonceWanted as wanted:
                asked = {"www-authenticate": 'DPoP algs="ES256", error="use_dpop_nonce"', "dpop-nonce": wanted.nonce}
                return self._answer(401, {}, **asked)
            except ProofRefused:
                return self._answer(401, {}, **{"www-authenticate": 'DPoP error="invalid_dpop_proof"'})
            assert proved.key == key
        live = {"/v1/agents/triage": {"name": "triage"}, "/v1/tool-servers/github": SERVER}.get(path)
        if path.startswith("/v1/snapshot"):
            return self._answer(200, {"objects": {}})
        return self._answer(200, live) if live else self._answer(200, {"role": "viewer"})

    def close(self):
        """Nothing is open."""


def opened(registry, clock=None):
    session = Session(registry, Retry(lambda _: False), lambda: "subject", endpoint=ENDPOINT, stack=None)
    if clock is not None:
        session._possession = Possession(ENDPOINT, clock=clock)
    session.token()
    return Registry(registry, Retry(lambda _: False), session)


@pytest.mark.parametrize("uses", [1, 12])
def test_the_registrys_verifier_takes_the_proofs_before_and_after_there_is_a_table(uses):
    key = ProofKey()
    for number in range(uses):
        proof = key.proof("PUT", f"{ENDPOINT}/v1/agents/{number}", datetime.now(UTC).timestamp(), token="t", nonce="n")
    url = f"{ENDPOINT}/v1/agents/{uses - 1}"
    proved = Proofs().check(UnverifiedToken(proof), "PUT", url, datetime.now(UTC), "t")
    head, claims = jwt.get_unverified_header(proof), jwt.decode(proof, options={"verify_signature": False})
    assert proved.key == jwk_thumbprint(head["jwk"])
    assert claims["nonce"] == "n"
    assert len(urlsafe_b64decode(claims["jti"] + "==")) == 16


def test_a_key_is_never_shown_and_its_pem_is_the_key():
    key = ProofKey()
    private = load_pem_private_key(key.pem(), None)
    assert isinstance(private, ec.EllipticCurvePrivateKey)
    assert str(private.private_numbers().private_value) not in repr(key) + repr(Possession(ENDPOINT, key))
    proof = key.proof("GET", ENDPOINT, 1.0)
    jwt.decode(proof, private.public_key(), ["ES256"])


def test_every_request_of_a_run_proves_the_key_that_its_token_is_bound_to():
    served = BoundRegistry()
    registry = opened(served)
    assert registry.role() == "viewer"
    assert registry.get("agents", "triage")
    shown = [headers for _, path, headers in served.heard if path != "/oauth2/token"]
    assert {one["Authorization"].partition(" ")[0] for one in shown} == {"DPoP"}
    assert len({one["DPoP"] for one in shown}) == len(shown)


def test_each_attempt_has_a_proof_of_its_own():
    """The first one was used up, and its answer lost."""
    served = BoundRegistry()
    registry = opened(served)
    served.lost = 2
    assert registry.role() == "viewer"
    served.lost = 1
    registry.session._renew_at = 0.0
    assert registry.session.token() == "token-2"


def test_a_nonce_is_brought_once_it_was_asked_for_and_from_then_on():
    served = BoundRegistry(nonces=True)
    registry = opened(served)
    assert registry.role() == "viewer"
    assert registry.get("agents", "triage")
    assert [path for _, path, _ in served.heard] == ["/oauth2/token"] * 2 + ["/v1/whoami", "/v1/agents/triage"]


def test_a_nonce_that_grew_old_is_replaced_without_a_word():
    served = BoundRegistry(nonces=True)
    registry = opened(served)
    served.proofs = Proofs(Nonces(b"other" * 8))  # as if minutes had passed
    assert registry.role() == "viewer"


@pytest.mark.parametrize("off", [timedelta(minutes=10), timedelta(minutes=-10)])
def test_a_machine_whose_clock_is_wrong_goes_by_the_registrys(off):
    served = BoundRegistry(ahead=off)
    assert opened(served).role() == "viewer"
    assert [path for _, path, _ in served.heard] == ["/oauth2/token"] * 2 + ["/v1/whoami"]


def test_a_proof_that_is_refused_for_another_reason_is_asked_once():
    served = BoundRegistry()
    served.proofs.check = _refuse
    with pytest.raises(DiagnosticError, match="Cannot get a registry token"):
        opened(served)
    assert len(served.heard) == 1


def _refuse(*_):
    raise ProofRefused("not this one")


def test_a_registry_that_binds_nothing_gets_what_it_issued():
    served = BoundRegistry(binds=False)
    assert opened(served).role() == "viewer"
    assert served.heard[-1][2]["Authorization"] == "Bearer token-1"
    assert "DPoP" not in served.heard[-1][2]


def test_a_development_token_is_shown_as_it_is():
    served = BoundRegistry()
    served.keys["dev"] = None
    registry = Registry(served, Retry(lambda _: False), DevelopmentSession("dev", stack=None))
    assert registry.role() == "viewer"


CREDENTIAL = {"agent": "triage", "tool_server": "github"}


def test_a_credential_with_a_key_file_is_bound_to_a_key_of_its_own_through_renewals(tmp_path):
    served, file = BoundRegistry(wants_keys=True), tmp_path / "key.pem"
    walk = Terraform(served, opened(served).session)
    outcome = walk.open("leasehold_credential", {**CREDENTIAL, "key_file": str(file)})

    assert file.stat().st_mode & 0o777 == 0o600
    public = load_pem_private_key(file.read_bytes(), None).public_key()
    jwk = jwt.algorithms.ECAlgorithm.to_jwk(public, as_dict=True)
    assert served.keys[outcome.state["access_token"]] == jwk_thumbprint(jwk)
    assert served.keys["token-1"] != jwk_thumbprint(jwk)  # the run's own is another
    private = walk.renew("leasehold_credential", outcome.private)
    assert served.keys["token-3"] == jwk_thumbprint(jwk)
    assert b"PRIVATE" not in private
    walk.close("leasehold_credential", private)
    assert not file.exists()


def test_without_one_the_refusal_says_what_to_do_and_leaves_no_file(tmp_path):
    served = BoundRegistry(wants_keys=True)
    walk = Terraform(served, opened(served).session)
    with pytest.raises(DiagnosticError) as refused:
        walk.open("leasehold_credential", CREDENTIAL)
    assert "Set key_file" in refused.value.diagnostic.detail

    served.proofs.check = _refuse
    with pytest.raises(DiagnosticError):
        walk.open("leasehold_credential", {**CREDENTIAL, "key_file": str(tmp_path / "key.pem")})
    assert list(tmp_path.iterdir()) == []

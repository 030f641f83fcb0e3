"""Tokens: exchanged once, renewed early, revoked at the end; leases of credentials revoked whatever happens."""

import json
from urllib.parse import parse_qs

import pytest
from tests.fakes.provider_host import Terraform

from leasehold_provider.client import Answer, ConnectionLost
from leasehold_provider.protocol import DiagnosticError
from leasehold_provider.protocol.service.leftovers import close_quietly
from leasehold_provider.retry import Retry
from leasehold_provider.session import ExchangeRefused, Session

SERVER = {"name": "github", "url": "https://mcp.example.com/github", "revision": 1, "managed_by": None, "tools": {}}
TYPE = "leasehold_credential"
CONFIG = {"agent": "triage", "tool_server": "github"}


class TokenService:
    """Issues tokens that count up, and a registry with one agent at one tool server."""

    def __init__(self, scope="registry:read registry:write", lifetime=300):
        self.scope, self.lifetime = scope, lifetime
        self.issued, self.revoked, self.ended, self.requests = [], [], [], []
        self.refuse = self.revocation_status = None

    def send(self, method, path, *, headers=None, body=None, timeout=0):  # noqa: ARG002 -- as HttpClient
        self.requests.append((method, path))
        if path == "/oauth2/token":
            return self._exchange(parse_qs(body.decode()))
        if path == "/oauth2/revoke":
            self.revoked.append(parse_qs(body.decode())["token"][0])
            return Answer(200, {}, b"")
        if path == "/v1/revocations":
            self.ended.append(json.loads(body)["node"])
            return Answer(self.revocation_status or 200, {}, b"{}")
        live = {"agents/triage": {"name": "triage"}, "tool-servers/github": SERVER}.get(path[len("/v1/") :])
        if path.startswith("/v1/snapshot"):
            return Answer(200, {}, json.dumps({"objects": {}}).encode())
        return Answer(404, {}, b"{}") if live is None else Answer(200, {}, json.dumps(live).encode())

    def _exchange(self, form):
        if self.refuse:
            return Answer(400, {}, json.dumps(self.refuse).encode())
        number = len(self.issued)
        self.issued.append({name: values[0] for name, values in form.items()})
        told = {
            "access_token": f"token-{number}",
            "expires_in": self.lifetime,
            "scope": self.scope,
            "lease": f"l{number}",
            "stack": "prod",
        }
        return Answer(200, {}, json.dumps(told).encode())

    def close(self):
        """Nothing is open."""


def _session(service, clock=None):
    now = clock or [1000.0]
    return Session(
        service,
        Retry(lambda _: False),
        lambda: "subject",
        endpoint="https://r",
        stack="prod",
        clock=lambda: now[0],
    )


@pytest.fixture
def clock():
    """The seconds that the session's clock shows."""
    return [1000.0]


def test_one_exchange_serves_every_request():
    service = TokenService()
    session = _session(service)
    assert {session.token() for _ in range(5)} == {"token-0"}
    (form,) = service.issued
    assert form["resource"] == "https://r/v1"
    assert form["stack"] == "prod"
    assert form["subject_token_type"] == "urn:ietf:params:oauth:token-type:jwt"


def test_a_token_is_renewed_at_four_fifths_of_its_life_and_the_old_one_revoked(clock):
    service = TokenService()
    session = _session(service, clock)
    session.token()
    clock[0] += 239
    assert session.token() == "token-0"
    clock[0] += 2
    assert session.token() == "token-1"
    assert service.revoked == ["token-0"]


def test_a_failed_renewal_matters_only_once_the_token_has_ended(clock):
    service = TokenService()
    session = _session(service, clock)
    session.token()
    service.refuse = {"error": "invalid_grant"}
    clock[0] += 250
    assert session.token() == "token-0"
    clock[0] += 60
    with pytest.raises(ExchangeRefused):
        session.token()


def test_a_token_refused_by_the_registry_is_exchanged_once_for_all_who_held_it():
    service = TokenService()
    session = _session(service)
    first = session.token()
    assert session.token(refused=first) == "token-1"
    assert session.token(refused=first) == "token-1"
    assert len(service.issued) == 2


def test_the_end_revokes_the_token_and_nothing_is_exchanged_after():
    service = TokenService()
    session = _session(service)
    session.token()
    session.close()
    session.close()
    assert service.revoked == ["token-0"]
    with pytest.raises(DiagnosticError, match="The run is over"):
        session.token()


def test_an_expired_token_is_not_worth_a_request(clock):
    service = TokenService()
    session = _session(service, clock)
    session.token()
    clock[0] += 301
    session.close()
    assert service.revoked == []


def test_a_registry_that_is_away_does_not_hold_up_the_end():
    service = TokenService()
    session = _session(service)
    session.token()

    def away(*_, **__):
        raise ConnectionLost("Connection refused")

    service.send = away
    session.close()


@pytest.mark.parametrize(
    "answer",
    [{}, {"access_token": "a b", "expires_in": 1}, {"access_token": "a"}, {"access_token": "a", "expires_in": "x"}],
)
def test_an_answer_without_a_usable_token_is_an_error_that_quotes_nothing(answer):
    service = TokenService()
    service._exchange = lambda _: Answer(200, {}, json.dumps(answer).encode())
    with pytest.raises(DiagnosticError) as failed:
        _session(service).token()
    assert "a b" not in failed.value.diagnostic.detail


def test_the_oauth_error_is_told_as_it_is():
    service = TokenService()
    service.refuse = {"error": "invalid_grant", "error_description": "not accepted\x1b[31m"}
    with pytest.raises(ExchangeRefused) as refused:
        _session(service).token()
    assert refused.value.diagnostic.detail == "invalid_grant: not accepted [31m"


def _walk(service):
    session = _session(service)
    session.token()
    return Terraform(service, session)


def test_a_credential_is_exchanged_for_one_server_and_leaves_no_secret_in_private_state():
    service = TokenService()
    walk = _walk(service)
    outcome = walk.open(TYPE, {**CONFIG, "scopes": ["mcp:tool:b:read", "mcp:tool:a:read"]})
    assert outcome.state["access_token"] == "token-1"
    assert outcome.state["available"] is True
    assert outcome.state["lease"] == "l1"
    form = service.issued[1]
    assert form["resource"] == SERVER["url"]
    assert form["client_id"] == "triage"
    assert form["scope"] == "mcp:tool:a:read mcp:tool:b:read"
    assert b"token-1" not in outcome.private


def test_renewing_adds_a_lease_and_closing_ends_them_all():
    service = TokenService()
    walk = _walk(service)
    private = walk.renew(TYPE, walk.open(TYPE, CONFIG).private)
    assert walk.close(TYPE, private).errors == []
    assert service.ended == ["lease:l1", "lease:l2"]
    assert walk.leftovers.close_all(1) == 0


def test_leftovers_are_revoked_at_the_end_of_the_process():
    service = TokenService()
    walk = _walk(service)
    walk.open(TYPE, CONFIG)
    assert walk.leftovers.close_all(5) == 0
    assert service.ended == ["lease:l1"]


def test_a_caller_who_may_not_revoke_leases_revokes_by_possession():
    service = TokenService()
    walk = _walk(service)
    opened = walk.open(TYPE, CONFIG)
    service.revocation_status = 403
    assert walk.close(TYPE, opened.private).errors == []
    assert service.revoked == ["token-1"]


def test_a_revocation_that_nobody_confirms_is_told():
    service = TokenService()
    walk = _walk(service)
    opened = walk.open(TYPE, CONFIG)
    service.revocation_status = 409
    with pytest.raises(DiagnosticError):
        walk.close(TYPE, opened.private)
    close_quietly(walk.run.ephemeral_resources[TYPE], opened.private)


def test_a_plan_identity_opens_empty_with_a_warning_and_mints_nothing():
    service = TokenService(scope="registry:read")
    walk = _walk(service)
    outcome = walk.open(TYPE, CONFIG)
    assert outcome.state["available"] is False
    assert outcome.state["access_token"] is None
    assert "pull request" in outcome.warnings[0]
    assert len(service.issued) == 1
    assert outcome.private == b""


@pytest.mark.parametrize("missing", [{"agent": "other"}, {"tool_server": "other"}])
def test_what_does_not_live_yet_opens_empty_with_a_warning(missing):
    service = TokenService()
    outcome = _walk(service).open(TYPE, {**CONFIG, **missing})
    assert outcome.state["available"] is False
    assert "does not live yet" in outcome.warnings[0]
    assert len(service.issued) == 1


def test_a_failed_exchange_leaves_nothing_open():
    service = TokenService()
    walk = _walk(service)
    service.refuse = {"error": "invalid_target"}
    with pytest.raises(DiagnosticError):
        walk.open(TYPE, CONFIG)
    assert walk.leftovers.close_all(1) == 0


def test_a_token_file_that_cannot_be_written_ends_the_lease(tmp_path):
    service = TokenService()
    walk = _walk(service)
    with pytest.raises(DiagnosticError):
        walk.open(TYPE, {**CONFIG, "token_file": str(tmp_path / "none" / "token")})
    assert service.ended == ["lease:l1"]


def test_a_token_file_holds_the_newest_token_and_goes(tmp_path):
    service, file = TokenService(), tmp_path / "token"
    walk = _walk(service)
    opened = walk.open(TYPE, {**CONFIG, "token_file": str(file)})
    assert file.read_text() == "token-1"
    private = walk.renew(TYPE, opened.private)
    assert file.read_text() == "token-2"
    walk.close(TYPE, private)
    assert not file.exists()

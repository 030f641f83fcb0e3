"""From nothing to a caller with a role: the bootstrap token, an exchange, and a registry that remembers."""

import json
import urllib.request

import pytest
from tests.fakes.leasehold_process import ServerProcess
from tests.fakes.registry import OWNER
from tests.fakes.registry_http import LiveRegistry, live_registry


def test_the_first_start_prints_a_token_that_works_once_and_never_logs_it(tmp_path):
    registry = LiveRegistry(tmp_path)
    token = registry.start()
    try:
        assert token.startswith("lhb_")
        log = (tmp_path / "serve.log").read_text()
        assert token not in log
        assert "POST" in log
        for file in tmp_path.rglob("*"):
            if file.is_file():
                assert token.encode() not in file.read_bytes(), file
    finally:
        registry.close()


def test_a_second_start_before_anybody_is_trusted_gives_a_new_token(tmp_path):
    registry = LiveRegistry(tmp_path)
    first = registry.start()
    registry.kill()
    second = registry.start()
    registry.close()
    assert second.startswith("lhb_")
    assert first != second


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    with live_registry(tmp_path_factory.mktemp("registry")) as running:
        yield running


def test_a_person_exchanges_a_token_and_is_who_the_binding_says(registry):
    who = registry.call("GET", "/v1/whoami", bearer=registry.token("dev"))
    assert (who["role"], who["teams"], who["stack"], who["plan_only"]) == ("developer", ["web"], "dev", False)
    assert who["lease"]


def test_a_registry_that_trusts_somebody_starts_without_a_token(tmp_path):
    with live_registry(tmp_path) as registry:
        registry.create("owners", "alice", OWNER)
        registry.kill()
        assert registry.start() == ""
        assert registry.get("owners", "alice")["display_name"] == OWNER["display_name"]


def test_a_changed_role_binding_ends_the_tokens_that_came_through_it(registry):
    token = registry.token("ci-staging")
    registry.change("workload-bindings", "role-ci-staging", oidc={"subject": "somebody-else"})
    with pytest.raises(AssertionError, match="unauthenticated"):
        registry.call("GET", "/v1/whoami", bearer=token)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LEASEHOLD_PORT", "x"),
        ("LEASEHOLD_DATABASE_URL", "mysql://localhost/x"),
        ("LEASEHOLD_ISSUER", "http://registry.example"),
        ("LEASEHOLD_KEYS", "vault:x"),
    ],
)
def test_a_setting_that_cannot_be_used_stops_the_start_in_one_line(tmp_path, name, value):
    home, log = tmp_path / "home", tmp_path / "log"
    server = ServerProcess((), {"LEASEHOLD_DATA_DIR": str(home), name: value}, tmp_path / "out", log)
    assert server.wait(60) == 1
    said = log.read_text()
    assert said.startswith("error: ")
    assert said.count("\n") == 1
    assert name in said
    assert not home.exists()


def published_keys(registry):
    with urllib.request.urlopen(f"{registry.url}/.well-known/jwks.json") as answer:  # noqa: S310  our own, on loopback
        return [key["kid"] for key in json.load(answer)["keys"]]


def test_signing_keys_that_are_due_rotate_with_overlap(tmp_path):
    with live_registry(tmp_path) as registry:
        token = registry.token()
        current, following = published_keys(registry)
        registry.kill()
        ring = tmp_path / "keys" / "signing-keys.json"
        document = json.loads(ring.read_text())
        ring.write_text(json.dumps({**document, "rotated_at": "2020-01-01T00:00:00+00:00"}))
        registry.start()
        assert registry.call("GET", "/v1/whoami", bearer=token)["role"] == "security-admin"
        kids = published_keys(registry)
        assert kids[0] == following
        assert kids[2:] == [current]
        assert "PRIVATE" not in (tmp_path / "serve.log").read_text()

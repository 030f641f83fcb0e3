"""`leasehold serve` as it runs: AWS SDKs that just work, the command line, and a worker that survives a power cut."""

import json
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import boto3
import httpx
import psycopg
import pytest
from botocore.session import Session
from moto.server import ThreadedMotoServer
from tests.fakes.registry_http import LiveRegistry

pytestmark = pytest.mark.postgres
ROLE = "arn:aws:iam::123456789012:role/deploy"
BROKER = {"AWS_ACCESS_KEY_ID": "AKIABROKER", "AWS_SECRET_ACCESS_KEY": "swordfish"}


@pytest.fixture
def moto():
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def registry(tmp_path, moto, admin_dsn, reader):
    """A registry process with two profiles that the agent `triage` may draw on."""
    with serving(tmp_path, moto, admin_dsn, reader) as running:
        yield running


@pytest.fixture(scope="module")
def refusing(tmp_path_factory):
    """The same for requests that it refuses: what its profiles are about is nowhere."""
    with serving(tmp_path_factory.mktemp("refusing"), "http://127.0.0.1:9", "host=nowhere", "reader") as running:
        yield running


@contextmanager
def serving(folder, moto, admin_dsn, reader):
    running = LiveRegistry(folder)
    running.environment = {**BROKER, "LEASEHOLD_SECRET_ORDERS": admin_dsn}
    try:
        running.furnish()
        running.create("owners", "alice", {"display_name": "Alice", "email": "alice@example.com", "team": "web"})
        running.create("agents", "triage", {"owner": "alice", "review_by": "2027-06-01"})
        running.create("deployments", "triage-prod", {"agent": "triage"})
        pod = {"trust_issuer": "idp", "agent": "triage", "oidc": {"subject": "pod"}}
        running.create("workload-bindings", "triage-pods", pod)
        aws = {"role_arn": ROLE, "region": "eu-central-1", "endpoint_url": moto}
        running.create("credential-profiles", "deploy", {"agents": ["triage"], "aws": aws})
        login = {"dsn": "orders", "roles": [reader]}
        running.create("credential-profiles", "orders", {"agents": ["triage"], "postgresql": login})
        yield running
    finally:
        running.close()


def agent_token(registry: LiveRegistry) -> str:
    form = {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subject_token": registry.oidc_token("pod"),
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "resource": f"{registry.url}/v1/credentials",
    }
    answer = httpx.post(f"{registry.url}/oauth2/token", data=form, trust_env=False)
    assert answer.status_code == 200, answer.text
    token: str = answer.json()["access_token"]
    return token


def draw(registry: LiveRegistry, profile: str, token: str) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.post(f"{registry.url}/v1/credentials/{quote(profile)}", headers=headers, trust_env=False)


def session(login: dict[str, str]) -> psycopg.Connection:
    return psycopg.connect(**login, autocommit=True)


def until(condition, seconds: float = 10.0) -> float:
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds
        time.sleep(0.01)
    return time.monotonic() - began


def states(registry: LiveRegistry) -> dict[str, str]:
    return {one["profile"]: one["state"] for one in registry.call("GET", "/v1/credentials")["items"]}


@pytest.mark.parametrize("scheme", ["", "Bearer "])
def test_an_sdk_just_works_through_the_container_endpoint(registry, moto, monkeypatch, tmp_path, scheme):
    token_file = tmp_path / "token"
    token_file.write_text(scheme + agent_token(registry))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{registry.url}/v1/credentials/deploy/container")
    monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", str(token_file))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    found = boto3.Session(botocore_session=Session(), region_name="eu-central-1")
    assert found.get_credentials().method == "container-role"
    assert "assumed-role/deploy/triage." in found.client("sts", endpoint_url=moto).get_caller_identity()["Arn"]


def configure_sdk(registry, monkeypatch, tmp_path, options=""):
    """Let AWS SDKs ask our command line for credentials of a workload; the command."""
    workload, config = tmp_path / "oidc", tmp_path / "config"
    workload.write_text(registry.oidc_token("pod"))
    command = f"{sys.executable} -m leasehold.cli.main credential aws --profile deploy{options}"
    config.write_text(f"[profile deploy]\ncredential_process = {command}\nregion = eu-central-1\n")
    for name, value in {
        "AWS_CONFIG_FILE": str(config),
        "LEASEHOLD_ENDPOINT": registry.url,
        "LEASEHOLD_OIDC_TOKEN_FILE": str(workload),
        "PYTHONPATH": str(Path(__file__).parents[3] / "api"),
    }.items():
        monkeypatch.setenv(name, value)
    return command


def test_an_sdk_just_works_through_the_command_line(registry, moto, monkeypatch, tmp_path):
    command = configure_sdk(registry, monkeypatch, tmp_path)
    found = boto3.Session(botocore_session=Session(profile="deploy"))
    assert found.get_credentials().method == "custom-process"
    assert "assumed-role/deploy/triage." in found.client("sts", endpoint_url=moto).get_caller_identity()["Arn"]
    monkeypatch.setenv("LEASEHOLD_TOKEN", registry.token())
    listed = subprocess.run([*command.split()[:3], "credential", "list"], capture_output=True, text=True, check=True)
    assert listed.stdout.startswith("live  triage  deploy  triage.")


@pytest.mark.parametrize("nonces", ["", "required"])
def test_where_tokens_are_bound_to_keys_an_sdk_works_through_the_command_line_and_not_the_container_endpoint(
    registry, moto, monkeypatch, tmp_path, nonces
):
    """A ceiling demands a key: the command line makes one, proves it at both doors, and the SDK asks it again."""
    if nonces:
        registry.kill()
        registry.environment["LEASEHOLD_DPOP_NONCES"] = nonces
        registry.start()
    server = {"url": "https://mcp.example.com/x", "tools": {"read": {"action": "read"}}}
    registry.create("tool-servers", "x", server)
    registry.create("scopes", "read", {"tool_server": "x", "tools": ["read"], "resources": ["repo:web"]})
    registry.create("ceilings", "keys", {"principal": "agent:triage", "scopes": ["read"], "dpop": "required"})
    with pytest.raises(AssertionError, match="invalid_dpop_proof"):
        agent_token(registry)  # what the container endpoint would be shown

    key = tmp_path / "agent.pem"
    configure_sdk(registry, monkeypatch, tmp_path, f" --dpop-key {key}")
    for _ in range(2):  # with a key that is made, and with the same again
        found = boto3.Session(botocore_session=Session(profile="deploy"))
        assert found.get_credentials().method == "custom-process"
        arn = found.client("sts", endpoint_url=moto).get_caller_identity()["Arn"]
        assert "assumed-role/deploy/triage." in arn
    assert key.stat().st_mode & 0o777 == 0o600


def test_a_revocation_kills_a_live_session_and_the_list_tells_what_lives_on(registry):
    token = agent_token(registry)
    login = draw(registry, "orders", token).json()["credential"]
    assert draw(registry, "deploy", token).status_code == 200
    with session(login) as connection:
        connection.execute("SELECT 1")
        registry.call("POST", "/v1/revocations", {"node": "agent:triage", "reason": "leaked"})
        took = until(lambda: connection.closed or is_dead(connection))
    assert took < 5
    assert draw(registry, "orders", token).status_code == 401
    until(lambda: states(registry) == {"orders": "cleared", "deploy": "expiring"})
    (expiring,) = registry.call("GET", "/v1/credentials?state=expiring")["items"]
    assert (expiring["ending"], expiring["profile"]) == ("expiry", "deploy")
    assert expiring["live_until"] > expiring["lease_expires_at"]
    assert {e["action"] for e in registry.events() if e["kind"] == "credentials"} >= {"issue", "end", "end-later"}


def is_dead(connection: psycopg.Connection) -> bool:
    try:
        connection.execute("SELECT 1")
    except psycopg.OperationalError:
        return True
    return False


def test_what_is_revoked_while_the_server_is_down_dies_when_it_is_back(registry):
    login = draw(registry, "orders", agent_token(registry)).json()["credential"]
    with session(login) as connection:
        live = registry.get("credential-profiles", "orders")
        registry.kill()
        assert not is_dead(connection)
        registry.start()
        path = "/v1/credential-profiles/orders"
        registry.call("DELETE", path, If_Match=f'"{live["revision"]}"')
        until(lambda: is_dead(connection))


def test_no_secret_reaches_the_log_the_database_or_the_audit_log(registry, tmp_path):
    token = agent_token(registry)
    drawn = [draw(registry, profile, token).json()["credential"] for profile in ("orders", "deploy")]
    secrets = [drawn[0]["password"], drawn[1]["SecretAccessKey"], drawn[1]["SessionToken"], token, "swordfish"]
    written = json.dumps(registry.events()) + json.dumps(registry.call("GET", "/v1/credentials"))
    written += (tmp_path / "serve.log").read_text()
    kept = b"".join(path.read_bytes() for path in tmp_path.glob("leasehold.db*"))
    for secret in secrets:
        assert secret not in written
        assert secret.encode() not in kept


@pytest.mark.parametrize(
    ("path", "token", "status"),
    [
        ("orders", None, 401),
        ("nothing", "agent", 404),
        ("orders", "registry", 401),
        ("orders?format=credential_process", "agent", 422),
        ("orders?format=xml", "agent", 400),
        ("orders?ttl=9", "agent", 400),
    ],
)
def test_the_door_refuses_what_is_not_meant_for_it(refusing, path, token, status):
    tokens = {"agent": agent_token, "registry": lambda one: one.token()}
    headers = {"Authorization": f"Bearer {tokens[token](refusing)}"} if token else {}
    answer = httpx.post(f"{refusing.url}/v1/credentials/{path}", headers=headers, trust_env=False)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


def test_an_agent_reads_no_list(refusing):
    headers = {"Authorization": f"Bearer {agent_token(refusing)}"}
    assert httpx.get(f"{refusing.url}/v1/credentials", headers=headers, trust_env=False).status_code == 401

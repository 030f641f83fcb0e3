"""Sessions of AWS through moto over HTTP. moto enforces neither session policies nor conditions, and checks no web
identity token: what is claimed here is what we ask for and what IAM then holds, never what AWS would enforce.
"""

import json
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs

import boto3
import httpx
import jwt
import pytest
from botocore.exceptions import ClientError
from moto.server import ThreadedMotoServer
from tests.fakes.credential_world import ISSUER, CredentialWorld

from leasehold.external.aws import AwsSource
from leasehold.external.federation import TOKEN_TYPE
from leasehold.keys.signing import TokenMint
from leasehold.model.credentials import AwsEnding, AwsMode, AwsSession, CredentialProfile
from leasehold.model.external import CredentialState, MintRefused
from leasehold.model.leases import agent_node

ROLE = "arn:aws:iam::123456789012:role/deploy"
POLICY = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}]})
KEYS = {"aws_access_key_id": "AKIABROKER", "aws_secret_access_key": "swordfish", "region_name": "eu-central-1"}


@pytest.fixture
def moto():
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    httpx.post(f"{url}/moto-api/reset", trust_env=False).raise_for_status()
    yield url
    server.stop()


@pytest.fixture
def asked():
    """A proxy's view: the forms that reach STS and IAM, by action."""
    return []


@pytest.fixture
def endpoint(moto, asked):
    """Moto behind a server that notes each form on its way."""

    class Noting(BaseHTTPRequestHandler):
        def do_POST(self):
            raw = self.rfile.read(int(self.headers["content-length"]))
            asked.append({key: values[0] for key, values in parse_qs(raw.decode()).items()})
            headers = {key: value for key, value in self.headers.items() if key.lower() != "host"}
            answer = httpx.post(moto + self.path, content=raw, headers=headers, trust_env=False)
            self.send_response(answer.status_code)
            self.send_header("content-type", answer.headers["content-type"])
            self.send_header("content-length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Noting)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def iam(moto):
    client = boto3.client("iam", endpoint_url=moto, **KEYS)
    client.create_role(RoleName="deploy", AssumeRolePolicyDocument="{}")
    return client


@pytest.fixture
def world(store, tmp_path, endpoint, iam):
    built = CredentialWorld(store, tmp_path, {})
    mint = TokenMint(built.world.signer, TOKEN_TYPE)
    built.desk.sources[AwsSession] = AwsSource(boto3.Session(**KEYS), ISSUER, mint)
    built.profile("deploy", profile(endpoint))
    yield built
    built.close()


def profile(endpoint, **changes):
    target = {"role_arn": ROLE, "region": "eu-central-1", "session_policy": POLICY, "tags": {"team": "shop"}}
    session = AwsSession(**{**target, "endpoint_url": endpoint, **changes})
    return CredentialProfile(agents=frozenset({"triage"}), aws=session)


def test_a_session_works_with_boto3_and_carries_the_lease(world, moto, asked):
    issued = world.draw("deploy")
    client = boto3.client(
        "sts",
        endpoint_url=moto,
        region_name="eu-central-1",
        aws_access_key_id=issued.secret["AccessKeyId"],
        aws_secret_access_key=issued.secret["SecretAccessKey"],
        aws_session_token=issued.secret["SessionToken"],
    )
    assert client.get_caller_identity()["Arn"].endswith(f"assumed-role/deploy/{issued.record.reference}")
    form = asked[0]
    tags = {form[f"Tags.member.{n}.Key"]: form[f"Tags.member.{n}.Value"] for n in range(1, 6)}
    assert (form["Policy"], form["RoleSessionName"]) == (POLICY, issued.record.reference)
    assert form["SourceIdentity"] == issued.record.lease == tags["leasehold:lease"]
    assert (tags["team"], tags["leasehold:agent"], tags["leasehold:profile"]) == ("shop", "triage", "deploy")
    assert tags["leasehold:deployment"] == "triage-prod"


def test_a_session_that_outlives_its_lease_says_so(world):
    issued = world.draw("deploy")
    assert timedelta(seconds=895) < issued.record.live_until - datetime.now(UTC) <= timedelta(seconds=900)
    assert issued.record.lease_expires_at < issued.record.live_until
    world.world.bump(agent_node("triage"))
    world.look()
    assert world.record().state is CredentialState.EXPIRING
    assert world.record().live_until == issued.record.live_until


@pytest.mark.parametrize(("ttl", "duration"), [(None, 900), (3600, 900), (60, 900)])
def test_no_more_is_asked_for_than_the_floor_or_the_lease(world, asked, endpoint, ttl, duration):
    world.profile("deploy", profile(endpoint, duration=3600))
    world.draw("deploy", ttl=ttl)
    assert asked[0]["DurationSeconds"] == str(duration)


def test_a_revoked_session_is_denied_by_name_until_it_is_dead(world, iam, endpoint):
    world.profile("deploy", profile(endpoint, on_revoke=AwsEnding.DENY_SESSION))
    issued, other = world.draw("deploy"), world.draw("deploy")
    world.world.revoke(world.token())
    world.look()
    assert iam.list_role_policies(RoleName="deploy")["PolicyNames"] == []
    world.world.bump(agent_node("triage"))
    world.look()
    names = {issued.record.reference, other.record.reference}
    assert set(iam.list_role_policies(RoleName="deploy")["PolicyNames"]) == names
    held = iam.get_role_policy(RoleName="deploy", PolicyName=issued.record.reference)["PolicyDocument"]
    (statement,) = held["Statement"]
    assert (statement["Effect"], statement["Action"], statement["Resource"]) == ("Deny", "*", "*")
    assert statement["Condition"]["StringLike"] == {"aws:userid": f"*:{issued.record.reference}"}
    assert "aws:TokenIssueTime" in statement["Condition"]["DateLessThanEquals"]
    assert {one.state for one in world.records()} == {CredentialState.ENDED}
    world.world.now = max(issued.record.live_until, other.record.live_until)  # by the other side's own clock
    world.look()
    assert iam.list_role_policies(RoleName="deploy")["PolicyNames"] == []
    assert {one.state for one in world.records()} == {CredentialState.CLEARED}


def test_a_denial_that_iam_refuses_is_tried_again_and_told(world, iam, endpoint):
    world.profile(
        "deploy", profile(endpoint, on_revoke=AwsEnding.DENY_SESSION, role_arn=ROLE.replace("deploy", "none"))
    )
    record = replace(world.draw("deploy").record)
    world.world.bump(agent_node("triage"))
    world.look()
    assert (world.record().state, world.record().problem) == (CredentialState.ENDING, "IAM did not do it: NoSuchEntity")
    world.world.now = record.live_until
    world.look()
    assert world.record().state is CredentialState.CLEARED


def test_a_role_that_trusts_our_issuer_is_assumed_with_our_token(world, asked, endpoint):
    world.profile("deploy", profile(endpoint, mode=AwsMode.WEB_IDENTITY))
    issued = world.draw("deploy")
    assert issued.secret["SessionToken"]
    token = asked[0]["WebIdentityToken"]
    key = world.world.signer.published()[jwt.get_unverified_header(token)["kid"]]
    claims = jwt.decode(token, key, algorithms=["ES256"], audience="sts.amazonaws.com", issuer=ISSUER)
    assert claims["sub"] == "agent:triage"
    assert claims["https://aws.amazon.com/source_identity"] == issued.record.lease
    assert claims["https://aws.amazon.com/tags"]["principal_tags"]["leasehold:lease"] == [issued.record.lease]
    assert asked[0]["Policy"] == POLICY
    assert jwt.get_unverified_header(token)["typ"] == "JWT"


def test_a_refusal_of_sts_names_its_code_and_nothing_else(world, moto, endpoint):
    httpx.post(f"{moto}/moto-api/reset-auth", content="0", headers={"content-type": "text/plain"}, trust_env=False)
    try:
        with pytest.raises(MintRefused, match="STS refused the session: InvalidClientTokenId") as refused:
            world.draw("deploy")
    finally:
        httpx.post(
            f"{moto}/moto-api/reset-auth", content="inf", headers={"content-type": "text/plain"}, trust_env=False
        )
    assert not isinstance(refused.value.__cause__, ClientError)
    assert "swordfish" not in world.everything_written() + repr(refused.value)


def test_the_keys_of_a_session_are_written_nowhere(world, caplog):
    issued = world.draw("deploy")
    for secret in issued.secret.values():
        assert secret not in world.everything_written() + repr(issued) + caplog.text

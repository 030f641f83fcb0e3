"""A role signs GetCallerIdentity with boto3's own signer; STS is moto, asked over HTTP."""

import base64
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import boto3
import httpx
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from tests.fakes.exchange_world import world_on

from leasehold.exchange.refusals import ExchangeRefused
from leasehold.keys.signed_callers import BODY, FORM, SERVER_ID
from leasehold.model.kinds import Kind
from leasehold.model.subjects import AwsStsSubject, IssuerType
from leasehold.model.tokens import UnverifiedToken
from leasehold.model.trust import TrustIssuer
from leasehold.store.memory.store import MemoryStore

US = "https://leasehold.example"
pytestmark = pytest.mark.enable_socket


@pytest.fixture(scope="module")
def sts() -> Iterator[str]:
    """Moto's STS and IAM, which check signatures once a role exists."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-c", "from moto.server import main; main()", "-H", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(url)
        yield url
    finally:
        server.terminate()
        server.wait(timeout=10)


def _wait(url: str) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            httpx.get(f"{url}/moto-api/", timeout=2)
        except httpx.TransportError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return


def role_session(sts: str, name: str) -> tuple[Credentials, str]:
    """Credentials of a role made anew, and the role's unique id."""
    root = {"aws_access_key_id": "AKIAIOSFODNN7EXAMPLE", "aws_secret_access_key": "root", "region_name": "eu-central-1"}
    httpx.post(f"{sts}/moto-api/reset-auth", content="inf", headers={"content-type": "text/plain"})
    iam = boto3.client("iam", endpoint_url=sts, **root)
    trust = json.dumps({"Version": "2012-10-17", "Statement": []})
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [everything]})
    iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=policy)
    given = boto3.client("sts", endpoint_url=sts, **root).assume_role(RoleArn=role["Arn"], RoleSessionName="i-1")
    httpx.post(f"{sts}/moto-api/reset-auth", content="0", headers={"content-type": "text/plain"})
    keys = given["Credentials"]
    return Credentials(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"]), role["RoleId"]


def signed(sts: str, credentials: Credentials) -> dict:
    headers = {"host": sts.removeprefix("http://"), "content-type": FORM, SERVER_ID: US}
    request = AWSRequest(method="POST", url=f"{sts}/", data=BODY, headers=headers)
    SigV4Auth(credentials, "sts", "eu-central-1").add_auth(request)
    return {"method": "POST", "url": f"{sts}/", "headers": dict(request.headers.items()), "body": BODY}


def token(request: dict) -> UnverifiedToken:
    raw = json.dumps(request).encode()
    return UnverifiedToken(base64.urlsafe_b64encode(raw).rstrip(b"=").decode())


@pytest.fixture
def bound(tmp_path, sts):
    """A token service that trusts this STS, and how to bind a role to the agent."""
    with world_on(MemoryStore(), tmp_path) as world:
        world.now = datetime.now(UTC)
        issuer = TrustIssuer(type=IssuerType.AWS_STS, issuer=sts, audiences=frozenset({US}), allow_private=True)
        world.put(Kind.TRUST_ISSUERS, "aws", issuer)
        yield world


def bind(world, unique_id: str) -> None:
    pins = AwsStsSubject(aws_account="123456789012", unique_id=unique_id)
    world.bind("triage-role", trust_issuer="aws", agent="triage", aws_sts=pins)


def refusal(world, request: dict) -> str:
    with pytest.raises(ExchangeRefused) as refused:
        world.get(token(request))
    return refused.value.reason.value


def test_a_role_becomes_the_agent_by_a_request_that_sts_confirms(bound, sts):
    credentials, unique_id = role_session(sts, "triage")
    bind(bound, unique_id)

    assert bound.get(token(signed(sts, credentials))).lease.agent == "triage"


def test_a_signature_with_another_secret_is_refused_by_sts(bound, sts):
    credentials, unique_id = role_session(sts, "forged")
    bind(bound, unique_id)
    forged = Credentials(credentials.access_key, "wrong", credentials.token)

    assert refusal(bound, signed(sts, forged)) == "bad_signature"


def test_a_header_altered_after_signing_is_refused_by_sts(bound, sts):
    credentials, unique_id = role_session(sts, "altered")
    bind(bound, unique_id)
    request = signed(sts, credentials)
    request["headers"]["content-type"] = "application/x-www-form-urlencoded"

    assert refusal(bound, request) == "bad_signature"


def test_a_role_made_anew_under_the_same_name_is_another(bound, sts):
    _, unique_id = role_session(sts, "again")
    bind(bound, unique_id)
    root = {"aws_access_key_id": "AKIAIOSFODNN7EXAMPLE", "aws_secret_access_key": "root", "region_name": "eu-central-1"}
    httpx.post(f"{sts}/moto-api/reset-auth", content="inf", headers={"content-type": "text/plain"})
    iam = boto3.client("iam", endpoint_url=sts, **root)
    iam.delete_role_policy(RoleName="again", PolicyName="all")
    iam.delete_role(RoleName="again")
    credentials, _ = role_session(sts, "again")

    assert refusal(bound, signed(sts, credentials)) == "no_binding"

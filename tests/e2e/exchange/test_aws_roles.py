"""Roles of a real IAM over HTTP (moto): asked through boto3, as ourselves and as a reader; held beside the fake."""

import json
import time
from datetime import UTC, datetime, timedelta

import boto3
import httpx
import pytest
from tests.e2e.exchange.test_aws_sts import sts  # noqa: F401  the server, as a fixture
from tests.fakes.simulated_iam import SimulatedRoles

from leasehold.keys.role_ids import IamRole, IamRoles, RoleUnknown

pytestmark = pytest.mark.enable_socket
ACCOUNT = "123456789012"
KEYS = {"aws_access_key_id": "AKIAIOSFODNN7EXAMPLE", "aws_secret_access_key": "root", "region_name": "eu-central-1"}
TRUST = json.dumps({"Version": "2012-10-17", "Statement": []})


class Moto:
    """Makes roles in moto, and finds them as the registry does."""

    def __init__(self, url: str) -> None:
        self.iam = boto3.client("iam", endpoint_url=url, **KEYS)
        self.roles = IamRoles(boto3.Session(**KEYS))

    def make(self, arn: str) -> IamRole:
        path, _, name = arn.partition(":role")[2].rpartition("/")
        if self.roles.find(arn, None) is not None:
            self.iam.delete_role(RoleName=name)
        made = self.iam.create_role(RoleName=name, Path=f"{path}/", AssumeRolePolicyDocument=TRUST)["Role"]
        return IamRole(arn=made["Arn"], unique_id=made["RoleId"], created_at=made["CreateDate"])

    def find(self, arn: str, reader: str | None) -> IamRole | None:
        return self.roles.find(arn, reader)


@pytest.fixture(params=["moto", "simulated"])
def roles(request, sts, monkeypatch):  # noqa: F811
    monkeypatch.setenv("AWS_ENDPOINT_URL", sts)  # as anybody points an SDK at another AWS
    return Moto(sts) if request.param == "moto" else SimulatedRoles()


def arn(name: str, account: str = ACCOUNT) -> str:
    return f"arn:aws:iam::{account}:role/{name}"


def test_a_role_is_found_by_its_arn_with_its_unique_id_and_age(roles):
    made = roles.make(arn("found"))

    found = roles.find(arn("found"), None)
    assert found is not None
    assert (found.arn, found.unique_id) == (made.arn, made.unique_id)
    assert found.created_at.tzinfo is UTC
    assert found.created_at < datetime.now(UTC) + timedelta(days=400)


def test_a_role_made_anew_under_the_same_name_has_another_unique_id(roles):
    first = roles.make(arn("again"))
    second = roles.make(arn("again"))

    assert first.unique_id != second.unique_id
    assert roles.find(arn("again"), None).unique_id == second.unique_id


@pytest.mark.parametrize(
    "other", [arn("nobody"), arn("found-too", "999999999999"), arn("path/found-too")], ids=["none", "account", "path"]
)
def test_a_namesake_elsewhere_is_no_role(roles, other):
    roles.make(arn("found-too"))

    assert roles.find(other, None) is None


def test_a_reader_is_assumed_and_asks_in_our_place(sts, monkeypatch):  # noqa: F811
    monkeypatch.setenv("AWS_ENDPOINT_URL", sts)
    moto = Moto(sts)
    made, reader = moto.make(arn("read")), moto.make(arn("reader"))
    now = [time.monotonic()]
    asking = IamRoles(boto3.Session(**KEYS), clock=lambda: now[0])

    assert asking.find(made.arn, reader.arn).unique_id == made.unique_id
    first = asking._readers[reader.arn][1]
    keys = first._request_signer._credentials.get_frozen_credentials()
    assert keys.access_key != KEYS["aws_access_key_id"]
    assert keys.access_key.startswith("ASIA")
    assert asking.find(made.arn, reader.arn).unique_id == made.unique_id
    assert asking._readers[reader.arn][1] is first
    now[0] += 3000  # its session is about to end
    assert asking.find(made.arn, reader.arn).unique_id == made.unique_id
    assert asking._readers[reader.arn][1] is not first


def test_iam_that_does_not_answer_is_said_so_without_secrets(monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")  # discard: nobody listens
    asking = IamRoles(boto3.Session(**KEYS))
    with pytest.raises(RoleUnknown) as unknown:
        asking.find(arn("x"), None)
    assert "root" not in repr(unknown.value)
    assert unknown.value.__cause__ is None


def test_iam_that_refuses_us_is_no_answer(sts, monkeypatch):  # noqa: F811
    monkeypatch.setenv("AWS_ENDPOINT_URL", sts)
    plain = {"content-type": "text/plain"}
    httpx.post(f"{sts}/moto-api/reset-auth", content="0", headers=plain)
    try:
        with pytest.raises(RoleUnknown, match=r"InvalidClientTokenId|AccessDenied"):
            IamRoles(boto3.Session(**KEYS)).find(arn("x"), None)
    finally:
        httpx.post(f"{sts}/moto-api/reset-auth", content="inf", headers=plain)

"""Requests signed for AWS: what AWS's own signer would make of them, at the time that it is told."""

import hashlib
from datetime import UTC, datetime

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from leasehold.external.sigv4 import sign
from leasehold.model.connection_secrets import AwsSecret
from leasehold.model.connections import UpstreamCall
from leasehold.model.upstream import AwsSigV4Upstream

# The example of "Signature Version 4 Test Suite", `post-vanilla` and its like: its well-known key.
KEYS = AwsSecret(access_key_id="AKIDEXAMPLE", secret_access_key="wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
SERVICE = AwsSigV4Upstream(region="us-east-1", service="service")
NOW = datetime(2015, 8, 30, 12, 36, tzinfo=UTC)


def call(**changes):
    asked = {
        "agent": "triage",
        "user": None,
        "tool_server": "aws",
        "method": "POST",
        "url": "https://example.amazonaws.com/mcp?Param1=value1",
        "headers": {"content-type": "application/json"},
        "body": b'{"jsonrpc":"2.0"}',
        "now": NOW,
    }
    return UpstreamCall(**{**asked, **changes})


@pytest.mark.parametrize("token", [None, "session-canary"])
def test_the_signature_is_the_one_that_botocore_makes_at_that_time(token, monkeypatch, caplog):
    keys = AwsSecret(access_key_id=KEYS.access_key_id, secret_access_key=KEYS.secret_access_key, session_token=token)
    with caplog.at_level("DEBUG"):
        headers = dict(sign(keys, SERVICE, call()))
    assert caplog.text == "", "what is signed holds the session token"
    assert headers["X-Amz-Date"] == "20150830T123600Z"
    assert headers.get("X-Amz-Security-Token") == token

    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: NOW.replace(tzinfo=None))
    request = AWSRequest(
        "POST", call().url, {"X-Amz-Content-SHA256": hashlib.sha256(call().body).hexdigest()}, call().body
    )
    SigV4Auth(Credentials(keys.access_key_id, keys.secret_access_key, token), "service", "us-east-1").add_auth(request)
    assert headers == dict(request.headers.items())


def test_the_known_answer_of_amazons_test_suite():
    """`get-vanilla` of the suite, but for the digest of the body, which we always send and sign."""
    signer = SigV4Auth(Credentials(KEYS.access_key_id, KEYS.secret_access_key), "service", "us-east-1")
    request = AWSRequest("GET", "https://example.amazonaws.com/", {"X-Amz-Date": "20150830T123600Z"})
    request.context["timestamp"] = "20150830T123600Z"
    canonical = signer.canonical_request(request)
    signature = signer.signature(signer.string_to_sign(request, canonical), request)
    assert signature == "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"


@pytest.mark.parametrize(
    "change",
    [
        {"body": b"{}"},
        {"url": "https://example.amazonaws.com/mcp?Param1=value2"},
        {"url": "https://other.amazonaws.com/mcp?Param1=value1"},
        {"method": "PUT"},
        {"now": NOW.replace(minute=37)},
    ],
)
def test_whatever_is_changed_changes_the_signature(change):
    assert (
        dict(sign(KEYS, SERVICE, call()))["Authorization"] != dict(sign(KEYS, SERVICE, call(**change)))["Authorization"]
    )


def test_a_key_is_in_no_header():
    assert KEYS.secret_access_key not in repr(sign(KEYS, SERVICE, call()))
    assert KEYS.secret_access_key not in repr(KEYS)

"""Requests signed for AWS services (Signature Version 4), by botocore's own signer, at the time that it is told."""

from __future__ import annotations

import hashlib
from datetime import UTC

from botocore.auth import SIGV4_TIMESTAMP, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from leasehold.model.connection_secrets import AwsSecret
from leasehold.model.connections import UpstreamCall
from leasehold.model.upstream import AwsSigV4Upstream


def sign(secret: AwsSecret, upstream: AwsSigV4Upstream, call: UpstreamCall) -> tuple[tuple[str, str], ...]:
    """The headers that sign a call: its method, address, query and body; host and time with them."""
    credentials = Credentials(secret.access_key_id, secret.secret_access_key, secret.session_token)
    signer = SigV4Auth(credentials, upstream.service, upstream.region)
    at = call.now.astimezone(UTC).strftime(SIGV4_TIMESTAMP)
    headers = {"X-Amz-Date": at, "X-Amz-Content-SHA256": hashlib.sha256(call.body).hexdigest()}
    if secret.session_token is not None:
        headers["X-Amz-Security-Token"] = secret.session_token
    request = AWSRequest(call.method, call.url, headers, call.body)
    request.context["timestamp"] = at
    # Not `add_auth`: it takes its own time, and logs what it signs, the session token included.
    signature = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
    signed = signer.signed_headers(signer.headers_to_sign(request))
    said = f"AWS4-HMAC-SHA256 Credential={signer.scope(request)}, SignedHeaders={signed}, Signature={signature}"
    return (*headers.items(), ("Authorization", said))

"""A secret, as a tool server wants to see it. Pure."""

from __future__ import annotations

import base64
from typing import assert_never

from leasehold.broker.ports import SignsRequests
from leasehold.model.connection_secrets import (
    ApiKeySecret,
    AwsSecret,
    BasicSecret,
    MtlsSecret,
    OAuthSecret,
    Secret,
)
from leasehold.model.connections import Authorized, ClientCertificate, Connection, ConnectionKind, UpstreamCall
from leasehold.model.upstream import UpstreamAuth

Headers = tuple[tuple[str, str], ...]


def authorized(
    connection: Connection,
    kind: ConnectionKind,
    secret: Secret,
    auth: UpstreamAuth,
    call: UpstreamCall,
    sign: SignsRequests,
) -> Authorized:
    """What goes out with a call."""
    certificate = None
    if isinstance(secret, MtlsSecret):
        certificate = ClientCertificate(certificate=secret.certificate, key=secret.key)
    headers = _headers(secret, auth, call, sign)
    return Authorized(headers=headers, connection=connection.id, kind=kind, client_certificate=certificate)


def _headers(secret: Secret, auth: UpstreamAuth, call: UpstreamCall, sign: SignsRequests) -> Headers:
    match secret:
        case OAuthSecret():
            return (("Authorization", f"Bearer {secret.access_token}"),)  # RFC 6750 §2.1
        case ApiKeySecret():
            key = auth.api_key
            return ((key.header, key.prefix + secret.key),) if key is not None else ()
        case BasicSecret():
            pair = base64.b64encode(f"{secret.username}:{secret.password}".encode()).decode()  # RFC 7617 §2
            return (("Authorization", f"Basic {pair}"),)
        case AwsSecret():
            return sign(secret, auth.aws_sigv4, call) if auth.aws_sigv4 is not None else ()
        case MtlsSecret():
            return ()
        case _:
            assert_never(secret)

"""Credentials of other systems as JSON: in our own form, or in those that every AWS SDK reads."""

from __future__ import annotations

from leasehold.credentials.records import Issued
from leasehold.model.external import ExternalCredential
from leasehold.model.plain import rfc3339
from leasehold.web.documents import Document

_TARGETS = ("aws", "postgresql", "github_app", "federation")


def target_type(credential: ExternalCredential) -> str:
    """The word of a profile for its target: `aws`, `postgresql`, `github_app` or `federation`."""
    return next(name for name in _TARGETS if getattr(credential.spec, name) is not None)


def credential_document(credential: ExternalCredential) -> Document:
    """What is on record of a credential; never the credential."""
    return {
        "id": credential.id,
        "lease": credential.lease,
        "agent": credential.agent,
        "profile": credential.profile,
        "type": target_type(credential),
        "reference": credential.reference,
        "ending": credential.ending.value,
        "state": credential.state.value,
        "issued_at": rfc3339(credential.issued_at),
        "lease_expires_at": rfc3339(credential.lease_expires_at),
        "live_until": rfc3339(credential.live_until),
        "attempts": credential.attempts,
        "problem": credential.problem,
    }


def issued_document(issued: Issued) -> Document:
    """A credential in our own form."""
    record = issued.record
    return {
        "id": record.id,
        "lease": record.lease,
        "profile": record.profile,
        "type": target_type(record),
        "expires_at": rfc3339(issued.expires_at),
        "live_until": rfc3339(record.live_until),
        "credential": dict(issued.secret),
    }


def printed_document(issued: Issued) -> Document:
    """What a `credential_process` prints (AWS SDKs and Tools Reference Guide, Process credential provider)."""
    return {"Version": 1, **_keys(issued), "SessionToken": issued.secret["SessionToken"], **_expiration(issued)}


def container_document(issued: Issued) -> Document:
    """What the address in `AWS_CONTAINER_CREDENTIALS_FULL_URI` answers (same guide, Container credential provider)."""
    return {**_keys(issued), "Token": issued.secret["SessionToken"], **_expiration(issued)}


def _keys(issued: Issued) -> Document:
    return {key: issued.secret[key] for key in ("AccessKeyId", "SecretAccessKey")}


def _expiration(issued: Issued) -> Document:
    return {"Expiration": rfc3339(issued.expires_at)}

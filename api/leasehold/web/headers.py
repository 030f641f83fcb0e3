"""Preconditions, entity tags and bearer credentials, from and to their headers."""

from __future__ import annotations

import re

from starlette.requests import Request

from leasehold.model.errors import InvalidValue, PreconditionRequired, Unauthenticated
from leasehold.model.receipts import PROOF_HEADER, RECEIPT_HEADER, Presented, parse_proof
from leasehold.registry.snapshot import Mark
from leasehold.registry.writes import MustBeRevision, MustNotExist, Precondition
from leasehold.web.refusals import InvalidHeader

_REVISION = re.compile(r'"([1-9]\d{0,17})"')
_MARK = re.compile(r'"(\d{1,18})\.(\d{1,18})\.([a-z0-9_-]*)"')
_BEARER = re.compile(r"[Bb]earer +([A-Za-z0-9._~+/-]+=*)")  # RFC 6750 §2.1


def precondition(request: Request) -> Precondition:
    """What a PUT says it saw. Raises `PreconditionRequired`, `InvalidHeader`."""
    if request.headers.get("if-none-match") is None:
        return seen_revision(request)
    if request.headers["if-none-match"].strip() != "*" or "if-match" in request.headers:
        raise InvalidHeader("send either If-None-Match: * to create or If-Match to change")
    return MustNotExist()


def seen_revision(request: Request) -> MustBeRevision:
    """The revision that a change or deletion says it saw. Raises `PreconditionRequired`, `InvalidHeader`."""
    tag = request.headers.get("if-match")
    if tag is None:
        raise PreconditionRequired('send If-None-Match: * to create, or If-Match: "<revision>" to change or delete')
    match = _REVISION.fullmatch(tag.strip())
    if match is None:
        raise InvalidHeader('If-Match must be one strong entity tag: "<revision>"')
    return MustBeRevision(int(match[1]))


def receipt(request: Request) -> Presented | None:
    """The receipt that a write presents, unverified. Raises `InvalidHeader`."""
    token, proof = request.headers.get(RECEIPT_HEADER), request.headers.get(PROOF_HEADER)
    if token is None and proof is None:
        return None
    try:
        return Presented(token or "", parse_proof(proof or "-"))
    except InvalidValue as error:
        raise InvalidHeader(f"{PROOF_HEADER}: {error}") from None


def revision_tag(revision: int) -> str:
    """The entity tag of an object."""
    return f'"{revision}"'


def mark_tag(mark: Mark, stack: str | None) -> str:
    """The entity tag of a snapshot."""
    return f'"{mark.sequence}.{mark.expired}.{stack or ""}"'


def known_mark(request: Request, stack: str | None) -> Mark | None:
    """The mark of the snapshot that the caller has, if it has one of this stack."""
    match = _MARK.fullmatch(request.headers.get("if-none-match", "").strip())
    if match is None or match[3] != (stack or ""):
        return None
    return Mark(int(match[1]), int(match[2]))


def bearer(request: Request) -> str:
    """The unverified bearer token. Raises `Unauthenticated`."""
    match = _BEARER.fullmatch(request.headers.get("authorization", ""))
    if match is None:
        raise Unauthenticated("send a bearer token")
    return match[1]

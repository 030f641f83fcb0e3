"""AWS principals that prove themselves by a signed GetCallerIdentity, which STS alone can check.

The caller signs the request and hands it over; we look at every part of it, forward it to the pinned endpoint, and
believe what that answers. The header `x-leasehold-server-id`, under the signature, makes it a request for us: the same
proof handed to somebody else could not be used here. The token is base64url of `{"method","url","headers","body"}`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol
from urllib.parse import urlsplit

from leasehold.keys.compact import decode, json_object
from leasehold.keys.network import FetchRefused, Post, Reply
from leasehold.model.tokens import LEEWAY, MAX_TOKEN_BYTES, Flaw, TokenRefused, UnverifiedToken, VerifiedClaims
from leasehold.model.trust import TrustIssuer

SERVER_ID = "x-leasehold-server-id"
BODY = "Action=GetCallerIdentity&Version=2011-06-15"
FORM = "application/x-www-form-urlencoded; charset=utf-8"
_MEMBERS = frozenset({"method", "url", "headers", "body"})
_MUST_BE_SIGNED = frozenset({"host", "x-amz-date", SERVER_ID})
_MAY_BE_SIGNED = frozenset({"content-type", "content-length", "x-amz-security-token", "x-amz-content-sha256"})
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=[A-Z0-9]{16,128}/([0-9]{8})/[a-z0-9-]{1,32}/sts/aws4_request, ?"
    r"SignedHeaders=([a-z0-9;-]{1,512}), ?Signature=([0-9a-f]{64})"
)
_FRESH = timedelta(minutes=5)
_SIGNATURE_TTL = timedelta(minutes=15)  # how long AWS itself takes a signature (IAM User Guide, SigV4)
_ANSWERS = ("Account", "UserId", "Arn")


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedRequest:
    """A request taken apart. Nothing in it is proved."""

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: str

    @property
    def endpoint(self) -> str:
        """The origin that it was signed for."""
        return self.url.rstrip("/")


class Poster(Protocol):
    """A bounded POST. Raises `FetchRefused`."""

    async def post(self, url: str, post: Post, *, allow_private: bool) -> Reply: ...


def is_signed_request(unverified_token: UnverifiedToken) -> bool:
    """True iff it cannot be a JWT, whose three parts are divided by dots."""
    return "." not in unverified_token


def parse_signed_request(unverified_token: UnverifiedToken) -> SignedRequest:
    """Take a token apart. Raises `TokenRefused`."""
    if len(unverified_token) > MAX_TOKEN_BYTES:
        raise TokenRefused(Flaw.TOO_LARGE)
    if not unverified_token.isascii():
        raise TokenRefused(Flaw.MALFORMED)
    found = json_object(decode(unverified_token))
    headers = found.get("headers")
    if found.keys() != _MEMBERS or not isinstance(headers, dict):
        raise TokenRefused(Flaw.MALFORMED)
    texts = [found["method"], found["url"], found["body"], *headers.values()]
    lowered = {name.lower(): value for name, value in headers.items()}
    if len(lowered) != len(headers) or not all(isinstance(text, str) and text.isprintable() for text in texts):
        raise TokenRefused(Flaw.MALFORMED)
    return SignedRequest(method=texts[0], url=texts[1], headers=lowered, body=texts[2])


class SignedCallers:
    """Asks STS who signed."""

    def __init__(self, network: Poster) -> None:
        self._network = network

    async def verify(self, request: SignedRequest, issuer: TrustIssuer, now: datetime) -> VerifiedClaims:
        """Who signed, as STS says. Raises `TokenRefused`."""
        signed_at, signature = _checked(request, issuer, now)
        answer = await self._ask(request, issuer)
        return VerifiedClaims(
            issuer=issuer.issuer,
            subject=answer["Arn"],
            audience=request.headers[SERVER_ID],
            issued_at=signed_at,
            expires_at=signed_at + _SIGNATURE_TTL,
            token_id=None,
            digest=hashlib.sha256(signature.encode()).hexdigest(),
            claims=answer,
        )

    async def _ask(self, request: SignedRequest, issuer: TrustIssuer) -> dict[str, str]:
        sent = _signed_names(request.headers["authorization"]) | {"authorization"}
        headers = {"content-type": FORM, **{name: request.headers[name] for name in sorted(sent)}}
        post = Post(headers={**headers, "accept": "text/xml"}, body=request.body.encode())
        try:
            reply = await self._network.post(f"{issuer.issuer}/", post, allow_private=issuer.allow_private)
        except FetchRefused:
            raise TokenRefused(Flaw.KEYS_UNAVAILABLE) from None
        if reply.status != 200:  # noqa: PLR2004  anything else, a redirect included, is no answer
            raise TokenRefused(Flaw.BAD_SIGNATURE if 400 <= reply.status < 500 else Flaw.KEYS_UNAVAILABLE)  # noqa: PLR2004
        return _answered(reply.body)


def _checked(request: SignedRequest, issuer: TrustIssuer, now: datetime) -> tuple[datetime, str]:
    """When it was signed, and the signature. Raises `TokenRefused` unless it is this one request, made for us."""
    match = _AUTHORIZATION.fullmatch(request.headers.get("authorization", ""))
    if match is None or request.headers.keys() - _MUST_BE_SIGNED - _MAY_BE_SIGNED - {"authorization"}:
        raise TokenRefused(Flaw.HEADER_REFUSED)
    signed = set(match[2].split(";"))
    if not signed >= _MUST_BE_SIGNED or signed != request.headers.keys() - {"authorization"}:
        raise TokenRefused(Flaw.HEADER_REFUSED)
    if (request.method, request.url, request.body) != ("POST", f"{issuer.issuer}/", BODY):
        raise TokenRefused(Flaw.BAD_CLAIM)
    if request.headers["host"] != urlsplit(issuer.issuer).netloc:
        raise TokenRefused(Flaw.WRONG_ISSUER)
    if request.headers[SERVER_ID] not in issuer.audiences:
        raise TokenRefused(Flaw.WRONG_AUDIENCE)
    return _fresh(request.headers["x-amz-date"], match[1], now), match[3]


def _fresh(stamp: str, day: str, now: datetime) -> datetime:
    try:
        signed_at = datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise TokenRefused(Flaw.BAD_CLAIM) from None
    if not stamp.startswith(day):
        raise TokenRefused(Flaw.BAD_CLAIM)
    if signed_at > now + LEEWAY:
        raise TokenRefused(Flaw.NOT_YET_VALID)
    if now - signed_at > _FRESH:
        raise TokenRefused(Flaw.EXPIRED)
    return signed_at


def _signed_names(authorization: str) -> set[str]:
    match = _AUTHORIZATION.fullmatch(authorization)
    return set(match[2].split(";")) if match is not None else set()


def _answered(body: bytes) -> dict[str, str]:
    """Account, UserId and Arn, each once. Read without an XML parser: three plain texts need no entities."""
    text = body.decode("utf-8", errors="replace")
    found = {name: re.findall(rf"<{name}>([!-~]{{1,2048}}?)</{name}>", text) for name in _ANSWERS}
    if any(len(values) != 1 or set("<>&") & set(values[0]) for values in found.values()):
        raise TokenRefused(Flaw.BAD_CLAIM)
    return {name: values[0] for name, values in found.items()}

"""TokenReview: asking the cluster whether a service-account token still counts (Kubernetes authentication.k8s.io/v1).

Unlike a signature it knows of a deleted pod or account. It fails closed: no answer, no token. A yes is kept for a
second, so that a client's retry is one question; a no is never kept. Our own credential is two files that the
operator puts into one folder, `<name>.token` and `<name>.crt`; the registry names them and never says where they are.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from leasehold.keys.compact import UnverifiedJws, encode
from leasehold.keys.network import FetchRefused, Post
from leasehold.keys.signed_callers import Poster
from leasehold.model.tokens import Flaw, TokenRefused, VerifiedClaims
from leasehold.model.trust import TrustIssuer

KEPT_SECONDS = 1.0
_KEPT = 4096
_PATH = "/apis/authentication.k8s.io/v1/tokenreviews"
_POD_UID = "authentication.kubernetes.io/pod-uid"
_ANSWERED = frozenset({200, 201})


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviewer:
    """Who asks: a bearer token and the authority of the API server, read anew for every question."""

    folder: Path

    def headers(self, name: str) -> dict[str, str]:
        """Our token, as a header. Raises `OSError`, `UnicodeError`."""
        token = (self.folder / f"{name}.token").read_text("ascii").strip()
        return {"authorization": f"Bearer {token}", "content-type": "application/json"}

    def trust(self, name: str) -> ssl.SSLContext:
        """Trust in the cluster's authority, and in no other. Raises `OSError`."""
        return ssl.create_default_context(cafile=str(self.folder / f"{name}.crt"))


class TokenReviews:
    """Asks API servers. `clock` is monotonic, in seconds."""

    def __init__(self, network: Poster, reviewer: Reviewer, clock: Callable[[], float] = time.monotonic) -> None:
        self._network = network
        self._reviewer = reviewer
        self._clock = clock
        self._confirmed: dict[tuple[TrustIssuer, bytes], float] = {}

    async def confirm(self, token: UnverifiedJws, claims: VerifiedClaims, issuer: TrustIssuer) -> None:
        """Return if the cluster says that the token counts, for this audience and of this account.

        Raises `TokenRefused`.
        """
        key = (issuer, hashlib.sha256(token.signing_input + b"." + token.signature).digest())
        if self._clock() < self._confirmed.get(key, float("-inf")) + KEPT_SECONDS:
            return
        _check_status(await self._ask(token, claims.audience, issuer), claims)
        if len(self._confirmed) >= _KEPT:
            self._confirmed.clear()
        self._confirmed[key] = self._clock()

    async def _ask(self, token: UnverifiedJws, audience: str, issuer: TrustIssuer) -> dict[str, object]:
        raw = (token.signing_input + b"." + encode(token.signature)).decode()
        question = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenReview",
            "spec": {"token": raw, "audiences": [audience]},
        }
        try:
            post = await asyncio.to_thread(self._post, issuer.credential or "", json.dumps(question).encode())
            reply = await self._network.post(f"{issuer.api_server}{_PATH}", post, allow_private=issuer.allow_private)
            answer = json.loads(reply.body) if reply.status in _ANSWERED else None
        except (FetchRefused, OSError, ValueError, RecursionError):
            raise TokenRefused(Flaw.KEYS_UNAVAILABLE) from None
        status = answer.get("status") if isinstance(answer, dict) else None
        if not isinstance(status, dict):
            raise TokenRefused(Flaw.KEYS_UNAVAILABLE)
        return status

    def _post(self, name: str, body: bytes) -> Post:
        return Post(headers=self._reviewer.headers(name), body=body, trust=self._reviewer.trust(name))


def _check_status(status: dict[str, object], claims: VerifiedClaims) -> None:
    if status.get("authenticated") is not True or status.get("error"):
        raise TokenRefused(Flaw.BAD_SIGNATURE)
    audiences, user = status.get("audiences"), status.get("user")
    # Without an audience in the answer the server did not look at audiences at all (TokenReview, status.audiences).
    if not isinstance(audiences, list) or claims.audience not in audiences:
        raise TokenRefused(Flaw.WRONG_AUDIENCE)
    if not isinstance(user, dict) or user.get("username") != claims.subject:
        raise TokenRefused(Flaw.BAD_CLAIM)
    if user.get("uid") != _uid(claims, "serviceaccount"):
        raise TokenRefused(Flaw.BAD_CLAIM)
    pod, extra = _uid(claims, "pod"), user.get("extra")
    if pod is not None and (not isinstance(extra, dict) or extra.get(_POD_UID) != [pod]):
        raise TokenRefused(Flaw.BAD_CLAIM)


def _uid(claims: VerifiedClaims, what: str) -> object:
    private = claims.claims.get("kubernetes.io")
    bound = private.get(what) if isinstance(private, dict) else None
    return bound.get("uid") if isinstance(bound, dict) else None

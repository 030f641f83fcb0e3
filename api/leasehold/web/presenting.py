"""How a request presents its token, and what the answer says when that does not do (RFC 6750 §3, RFC 9449 §7.1)."""

from __future__ import annotations

import re
from collections.abc import Mapping

from leasehold.authn.possession import Presented
from leasehold.model.errors import Anonymous, LeaseholdError, Unauthenticated
from leasehold.model.possession import PROOF_ALGS, Unproven, UnprovenNonce
from leasehold.web.asgi import Scope

_CREDENTIAL = re.compile(r"(bearer|dpop) +([A-Za-z0-9._~+/-]+=*)", re.IGNORECASE)  # RFC 9110 §11.1
_WANTED = "send a bearer token, or a DPoP token with its proof"
_DPOP = f'DPoP algs="{PROOF_ALGS}"'


def presented(scope: Scope) -> Presented:
    """The token of a request and what is to prove it, all unverified. Raises `Unauthenticated`, `Unproven`."""
    sent = _values(scope, b"authorization")
    if not sent:
        raise Anonymous(_WANTED)
    match = _CREDENTIAL.fullmatch(sent[0]) if len(sent) == 1 else None
    if match is None:
        raise Unauthenticated(_WANTED)
    if match[1].lower() == "bearer":  # a proof beside it changes nothing: it is presented as good for whoever has it
        return Presented(token=match[2])
    proofs = _values(scope, b"dpop")
    if len(proofs) != 1 or not proofs[0]:
        raise Unproven("one DPoP header is required")  # RFC 9449 §4.3
    raw = scope.get("raw_path") or scope["path"].encode()
    path = raw.partition(b"?")[0].decode("latin-1")
    return Presented(token=match[2], proof=proofs[0], method=scope["method"], path=path)


def challenge(error: LeaseholdError) -> Mapping[str, str]:
    """The headers of a 401; none for anything else."""
    if isinstance(error, UnprovenNonce):
        return {"www-authenticate": f'{_DPOP}, error="use_dpop_nonce"', "dpop-nonce": error.nonce}  # RFC 9449 §9
    if isinstance(error, Unproven):
        return {"www-authenticate": f'{_DPOP}, error="invalid_dpop_proof"'}
    if isinstance(error, Anonymous):  # RFC 6750 §3.1: whoever brought nothing is told of no error
        return {"www-authenticate": f'Bearer realm="leasehold", {_DPOP}'}
    if isinstance(error, Unauthenticated):
        return {"www-authenticate": f'Bearer realm="leasehold", error="invalid_token", {_DPOP}, error="invalid_token"'}
    return {}


def _values(scope: Scope, name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in scope["headers"] if key == name]

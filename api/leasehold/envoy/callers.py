"""Who calls through Envoy: a live token for the tool server, and the proof that belongs to it where it is bound."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from leasehold.authn.ports import LeaseReader, OwnTokenVerifier, ProofVerifier
from leasehold.authn.possession import Possessions, Presented, Store, key_of
from leasehold.authn.registry_tokens import bound_key, lease_id_of, live_leases, own_profile
from leasehold.decisions.assembling import State
from leasehold.decisions.calling import CallerFacts, facts_of
from leasehold.envoy.calls import HttpRequest, NoCall
from leasehold.model.clients import DpopUse
from leasehold.model.kinds import Kind
from leasehold.model.leases import Lease
from leasehold.model.possession import Unproven
from leasehold.model.tokens import Flaw, TokenRefused, UnverifiedToken, VerifiedClaims
from leasehold.model.tools import ToolServer
from leasehold.verify.access import AccessToken

_CREDENTIALS = re.compile(r"([A-Za-z]+) +([A-Za-z0-9._~+/-]+=*)")  # RFC 6750 §2.1, RFC 9449 §7.1
_BEARER, _DPOP = "bearer", "dpop"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls which tool server, as a live token says."""

    token: AccessToken
    facts: CallerFacts
    lease: Lease
    server: str
    spec: ToolServer


@dataclass(frozen=True, slots=True, kw_only=True)
class Callers:
    """`tokens` verifies tokens of our own, `leases` tells which of them live.

    `proofs` checks what a token's holder proves (RFC 9449), `used` remembers it, for all replicas.
    """

    issuer: str
    tokens: OwnTokenVerifier
    leases: LeaseReader
    proofs: ProofVerifier
    used: Store

    def admit(self, request: HttpRequest, state: State, now: datetime) -> Caller:
        """The caller. Raises `TokenRefused`, `Unproven`, `NoCall`, `Unavailable`."""
        match = _CREDENTIALS.fullmatch(request.headers.get("authorization", ""))
        scheme, token = (match[1].lower(), match[2]) if match is not None else ("", "")
        if scheme not in {_BEARER, _DPOP}:
            raise TokenRefused(Flaw.MALFORMED)
        urls = {name: url for url, name in state.servers.items()}
        server = request.extensions.get("tool_server")
        if server is not None and server not in urls:
            raise NoCall("the route names a tool server that the registry does not have")
        audiences = frozenset({urls[server]} if server is not None else urls.values())
        verified = self.tokens.verify(UnverifiedToken(token), own_profile(self.issuer, audiences), now)
        lease_id, key = lease_id_of(verified), bound_key(verified)
        if (scheme == _DPOP) is not (key is not None):  # RFC 9449 §7.2: what is bound to a key is no bearer token
            raise TokenRefused(Flaw.LEASE_ENDED)
        with self.leases.read() as states:
            lease = live_leases(states, (lease_id,), now).get(lease_id)
        if lease is None or lease.agent is None:
            raise TokenRefused(Flaw.LEASE_ENDED)
        if key is not None:
            self._prove(token, key, lease.audience, request, now)
        facts = facts_of(verified, scopes=lease.scopes, deployment=lease.deployment)
        name = state.servers[lease.audience]
        spec = state.seen.objects[Kind.TOOL_SERVERS][name]
        if facts.agent != lease.agent or not isinstance(spec, ToolServer):
            raise TokenRefused(Flaw.LEASE_ENDED)
        if key is None and spec.dpop is DpopUse.REQUIRED:  # issued before the server asked for it
            raise Unproven("tokens for this tool server are bound to a key")
        return Caller(_access(verified, lease), facts, lease, name, spec)

    def _prove(self, token: str, key: str, audience: str, request: HttpRequest, now: datetime) -> None:
        """Raise `Unproven` unless the caller holds the key, for this request, and for the first time.

        Where a request went, its own `Host` cannot tell, for the caller writes it: scheme and authority are those of
        the tool server's declared URL, or of the route's `url`; method and path are what Envoy routed by.
        """
        declared = urlsplit(request.extensions.get("url", audience))
        origin = f"{declared.scheme}://{declared.netloc}"
        possessions = Possessions(issuer=origin, proofs=self.proofs, store=self.used)
        path = request.path.partition("?")[0].partition("#")[0]
        sent = Presented(token=token, proof=request.headers.get("dpop") or "-", method=request.method, path=path)
        possession = possessions.prove(sent, now)
        if key_of(possession) != key:
            raise Unproven("the proof is by another key than the token's")
        possessions.spend(possession)


def _access(verified: VerifiedClaims, lease: Lease) -> AccessToken:
    return AccessToken(
        subject=verified.subject,
        client_id=lease.agent or "",
        audience=lease.audience,
        token_id=verified.token_id or "",
        lease=lease.id,
        issued_at=lease.issued_at.timestamp(),
        expires_at=lease.expires_at.timestamp(),
        ancestors=(),
        key_thumbprint=None,
        claims=verified.claims,
    )

"""Decides on the requests that Envoy holds: the token, what it says, then both sides' policies. Fails closed."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from leasehold.authn.ports import LeaseReader, OwnTokenVerifier
from leasehold.authn.registry_tokens import lease_id_of, live_leases, own_profile
from leasehold.decisions.answering import Answering
from leasehold.decisions.assembling import State
from leasehold.decisions.calling import CallerFacts, actors_of, groups_in
from leasehold.decisions.current import Current
from leasehold.decisions.mcp_questions import registered_tool
from leasehold.envoy.calls import LISTINGS, HttpRequest, Message, NoCall, message_of, resource_of
from leasehold.model.access_requests import action_name
from leasehold.model.entities import AGENT, EntityRef
from leasehold.model.errors import LeaseholdError
from leasehold.model.leases import Lease
from leasehold.model.principal import Principal, Role
from leasehold.model.tokens import Flaw, TokenRefused, UnverifiedToken, VerifiedClaims
from leasehold.policy.decision import Permit
from leasehold.policy.platform import PlatformAction, decide_platform
from leasehold.verify.access import AccessToken

_BEARER = re.compile(r"[Bb]earer +([A-Za-z0-9._~+/-]+=*)")  # RFC 6750 §2.1
_SELF = Principal(id="leasehold:ext-authz", role=Role.ENFORCER)
_DENIED, _BROKEN, _INVALID = -32001, -32603, -32600  # COAZ-MCP, "Error Handling"; JSON-RPC 2.0 §5.1
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What Envoy is told: go on with these headers, or answer this. `error` is a JSON-RPC error's code."""

    allowed: bool
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    error: int = 0
    message: str = ""
    id: object = None
    evaluation: str = ""


@dataclass(frozen=True, slots=True)
class _Caller:
    """Who calls, as a live token says."""

    token: AccessToken
    lease: Lease
    server: str


class Authorizing:
    """One decision per request. `tokens` verifies tokens of our own, `leases` tells which of them live."""

    def __init__(
        self,
        *,
        issuer: str,
        tokens: OwnTokenVerifier,
        leases: LeaseReader,
        current: Current,
        answering: Answering,
        clock: Callable[[], datetime],
    ) -> None:
        self._issuer, self._tokens, self._leases = issuer, tokens, leases
        self._current, self._answering, self._clock = current, answering, clock

    async def authorize(self, request: HttpRequest) -> Verdict:
        """The verdict on a request. Never raises."""
        try:
            return await self._authorize(request)
        except NoCall as error:
            return Verdict(allowed=False, status=400, error=_INVALID, message=str(error))
        except TokenRefused:
            return _who_are_you()
        except LeaseholdError as error:
            return Verdict(allowed=False, status=503, error=_BROKEN, message=str(error))
        except Exception as error:  # noqa: BLE001  whatever broke, nothing passes
            _log.error("unexpected %s", type(error).__name__)
            return Verdict(allowed=False, status=500, error=_BROKEN, message="something broke on our side")

    async def _authorize(self, request: HttpRequest) -> Verdict:
        now = self._clock()
        match = _BEARER.fullmatch(request.headers.get("authorization", ""))
        if match is None:
            return _who_are_you()
        state = self._current.state(now)
        if state is None:
            return Verdict(allowed=False, status=503, error=_BROKEN, message="what is known of the registry is too old")
        caller = await asyncio.to_thread(self._caller, match[1], request.extensions, state, now)
        message = message_of(request)
        if message.is_call:
            return await self._call(message, caller, request, state)
        if message.passes or (message.method in LISTINGS and _holds_anything(caller, state)):
            return Verdict(allowed=True, headers=_told(caller, ""))
        return Verdict(allowed=False, status=403, error=_DENIED, message="not allowed", id=message.id)

    async def _call(self, message: Message, caller: _Caller, request: HttpRequest, state: State) -> Verdict:
        action = action_name(caller.server, message.tool)
        registered = registered_tool(action, state)
        pattern = registered.resource if registered is not None else None
        resource = resource_of(message, caller.server, request.extensions, pattern)
        if not caller.token.allows(message.tool, resource, message.arguments):
            said = "the token is not for this tool on this resource"
            return Verdict(allowed=False, status=403, error=_DENIED, message=said, id=message.id)
        question = _facts(caller).question(action, resource, message.arguments, request.source)
        answer = await self._answering.answer(_permit(), question, caller.lease.id)
        decision = answer.decision
        if decision.allowed and not answer.obligations:  # Envoy can fulfil none: it has to deny
            return Verdict(allowed=True, headers=_told(caller, answer.id))
        said = decision.reason.value if not decision.allowed else "an obligation that Envoy cannot fulfil"
        return Verdict(allowed=False, status=403, error=_DENIED, message=said, id=message.id, evaluation=answer.id)

    def _caller(self, bearer: str, extensions: Mapping[str, str], state: State, now: datetime) -> _Caller:
        """Raises `TokenRefused`, `NoCall`, `Unavailable`."""
        urls = {name: url for url, name in state.servers.items()}
        server = extensions.get("tool_server")
        if server is not None and server not in urls:
            raise NoCall("the route names a tool server that the registry does not have")
        audiences = frozenset({urls[server]} if server is not None else urls.values())
        verified = self._tokens.verify(UnverifiedToken(bearer), own_profile(self._issuer, audiences), now)
        if "cnf" in verified.claims:  # RFC 9449 §7.2: what is bound to a key is no bearer token
            raise _refused()
        lease_id = lease_id_of(verified)
        with self._leases.read() as states:
            lease = live_leases(states, (lease_id,), now).get(lease_id)
        if lease is None or lease.agent is None:
            raise _refused()
        return _Caller(_access(verified, lease), lease, state.servers[lease.audience])


def _facts(caller: _Caller) -> CallerFacts:
    subject = caller.token.subject
    user = None if subject.startswith("agent:") else subject.removeprefix("user:")
    actors = actors_of(caller.token.claims.get("act"))
    above = actors[1:]  # the current actor is the agent itself
    first = (subject.removeprefix("agent:"),) if actors and user is None else ()
    return CallerFacts(
        agent=caller.lease.agent or "",
        user=user,
        chain=(*first, *reversed(above)),
        scopes=caller.lease.scopes,
        deployment=caller.lease.deployment,
        groups=groups_in(caller.token.claims) if user is not None else (),
    )


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


def _holds_anything(caller: _Caller, state: State) -> bool:
    held = state.published.facts.grants.of_holder(EntityRef(AGENT, caller.lease.agent or ""))
    return any(action.partition("/")[0] == caller.server and holdings for action, holdings in held.items())


def _told(caller: _Caller, evaluation: str) -> Mapping[str, str]:
    """Headers for what is behind Envoy; they overwrite what a caller sends under these names."""
    return {"x-leasehold-agent": caller.lease.agent or "", "x-leasehold-decision": evaluation}


def _who_are_you() -> Verdict:
    headers = {"www-authenticate": 'Bearer realm="leasehold", error="invalid_token"'}
    return Verdict(allowed=False, status=401, headers=headers, error=_DENIED, message="the token was not accepted")


def _permit() -> Permit:
    answer = decide_platform(_SELF, PlatformAction.DECIDE, "decisions")
    assert isinstance(answer, Permit)  # noqa: S101  an enforcement point may ask; a test holds policy to it
    return answer


def _refused() -> TokenRefused:
    return TokenRefused(Flaw.LEASE_ENDED)

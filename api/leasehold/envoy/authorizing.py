"""Decides on the requests that Envoy holds: token and proof, what it says, then both sides' policies. Fails closed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from leasehold.decisions.answering import Answer, Answering
from leasehold.decisions.assembling import State
from leasehold.decisions.current import Current
from leasehold.decisions.mcp_questions import opened
from leasehold.envoy.callers import Caller, Callers
from leasehold.envoy.calls import Asked, HttpRequest, NoCall, asked_of
from leasehold.mcp.needs import Want
from leasehold.mcp.refusals import METHOD_NOT_FOUND, Refused
from leasehold.model.access_requests import action_name
from leasehold.model.entities import TOOL_SERVER
from leasehold.model.errors import LeaseholdError
from leasehold.model.mcp_methods import ELICIT, LIST_ROOTS, SAMPLE
from leasehold.model.possession import PROOF_ALGS, Unproven, UnprovenNonce
from leasehold.model.principal import Principal, Role
from leasehold.model.tokens import TokenRefused
from leasehold.policy.decision import Permit
from leasehold.policy.platform import PlatformAction, decide_platform

_SELF = Principal(id="leasehold:ext-authz", role=Role.ENFORCER)
_DENIED, _BROKEN = -32001, -32603  # COAZ-MCP, "Error Handling"
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


class Authorizing:
    """One decision per request."""

    def __init__(
        self, *, callers: Callers, current: Current, answering: Answering, clock: Callable[[], datetime]
    ) -> None:
        self._callers, self._current, self._answering, self._clock = callers, current, answering, clock

    async def authorize(self, request: HttpRequest) -> Verdict:
        """The verdict on a request. Never raises."""
        try:
            return await self._authorize(request)
        except (TokenRefused, Unproven) as error:
            return _who_are_you(error)
        except (NoCall, Refused) as error:
            return _no_call(error)
        except LeaseholdError as error:
            return Verdict(allowed=False, status=503, error=_BROKEN, message=str(error))
        except Exception as error:  # noqa: BLE001  whatever broke, nothing passes
            _log.error("unexpected %s", type(error).__name__)
            return Verdict(allowed=False, status=500, error=_BROKEN, message="something broke on our side")

    async def _authorize(self, request: HttpRequest) -> Verdict:
        now = self._clock()
        state = self._current.state(now)
        if state is None:
            return Verdict(allowed=False, status=503, error=_BROKEN, message="what is known of the registry is too old")
        caller = await asyncio.to_thread(self._callers.admit, request, state, now)
        asked = asked_of(request, caller.server, caller.spec)
        if asked.opens and not self._could_anything(caller, state, now, request.source):
            return _denial("not allowed", asked)
        if asked.answers:
            return await self._answer(caller, asked, request)
        return await self._all_of(caller, asked, request)

    async def _all_of(self, caller: Caller, asked: Asked, request: HttpRequest) -> Verdict:
        """Each of the wants allowed, or nothing passes."""
        evaluation = ""
        for want in asked.wants:
            verdict = await self._want(caller, want, asked, request)
            if not verdict.allowed:
                return verdict
            evaluation = evaluation or verdict.evaluation
        return Verdict(allowed=True, headers=_told(caller, evaluation), evaluation=evaluation)

    async def _answer(self, caller: Caller, asked: Asked, request: HttpRequest) -> Verdict:
        """What a server asked of the client went past us: an answer passes if something may be asked at all."""
        verdict = _denial("not allowed", asked)
        for tool in (SAMPLE, ELICIT, LIST_ROOTS):
            if tool not in caller.spec.tools:
                continue
            verdict = await self._want(caller, Want(tool, f"{TOOL_SERVER}:{caller.server}", "", ""), asked, request)
            if verdict.allowed:
                return Verdict(allowed=True, headers=_told(caller, verdict.evaluation), evaluation=verdict.evaluation)
        return verdict

    async def _want(self, caller: Caller, want: Want, asked: Asked, request: HttpRequest) -> Verdict:
        """The verdict on one tool, or method under its name, on one resource."""
        if not caller.token.allows(want.tool, want.resource, want.arguments):
            return _denial("the token is not for this tool on this resource", asked)
        action = action_name(caller.server, want.tool)
        question = caller.facts.question(action, want.resource, want.arguments, request.source)
        answer = await self._answering.answer(_permit(), question, caller.lease.id)
        if answer.decision.allowed and not answer.obligations:  # Envoy can fulfil none: it has to deny
            return Verdict(allowed=True, evaluation=answer.id)
        return _denial(_reason(answer), asked, answer.id)

    def _could_anything(self, caller: Caller, state: State, now: datetime, source: str | None) -> bool:
        """What opens and lists is for whoever could call anything there, as at the AuthZEN door."""
        question = caller.facts.question("", f"{TOOL_SERVER}:{caller.server}", {}, source)
        return opened(caller.facts.request(question, state, now, source), caller.server, state).allowed


def _told(caller: Caller, evaluation: str) -> Mapping[str, str]:
    """Headers for what is behind Envoy; they overwrite what a caller sends under these names."""
    return {"x-leasehold-agent": caller.lease.agent or "", "x-leasehold-decision": evaluation}


def _denial(said: str, asked: Asked, evaluation: str = "") -> Verdict:
    return Verdict(allowed=False, status=403, error=_DENIED, message=said, id=asked.id, evaluation=evaluation)


def _reason(answer: Answer) -> str:
    return "an obligation that Envoy cannot fulfil" if answer.decision.allowed else answer.decision.reason.value


def _no_call(error: NoCall | Refused) -> Verdict:
    id_ = error.ids[0] if error.ids else None
    if error.code == METHOD_NOT_FOUND:  # COAZ-MCP: a method that nobody maps is denied
        return Verdict(allowed=False, status=403, error=_DENIED, message="not allowed", id=id_)
    return Verdict(allowed=False, status=400, error=error.code, message=str(error), id=id_)


def _who_are_you(error: TokenRefused | Unproven) -> Verdict:
    nonce = {"dpop-nonce": error.nonce} if isinstance(error, UnprovenNonce) else {}
    said = "use_dpop_nonce" if nonce else "invalid_dpop_proof" if isinstance(error, Unproven) else "invalid_token"
    scheme = f'DPoP algs="{PROOF_ALGS}", ' if isinstance(error, Unproven) else "Bearer "
    headers = {"www-authenticate": f'{scheme}realm="leasehold", error="{said}"', **nonce}
    return Verdict(allowed=False, status=401, headers=headers, error=_DENIED, message="the token was not accepted")


def _permit() -> Permit:
    answer = decide_platform(_SELF, PlatformAction.DECIDE, "decisions")
    assert isinstance(answer, Permit)  # noqa: S101  an enforcement point may ask; a test holds policy to it
    return answer

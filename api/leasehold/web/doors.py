"""What every route of the control plane leans on: the store, the clock, who is calling, and whether they may."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from leasehold.model.principal import Principal
from leasehold.policy.decision import Permit
from leasehold.policy.platform import PlatformAction
from leasehold.registry.authorize import authorize
from leasehold.registry.ports import Store
from leasehold.web.headers import bearer


class Authenticator(Protocol):
    """Credential in, principal out. Raises `Unauthenticated`, whatever is wrong with it; `Unavailable`."""

    def authenticate(self, bearer: str, now: datetime) -> Principal: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """Given to every router. `clock` tells the time, aware UTC."""

    store: Store
    authenticator: Authenticator
    clock: Callable[[], datetime]

    async def caller(self, request: Request) -> Principal:
        """Who is calling, found out once per request. Raises `Unauthenticated`."""
        if not hasattr(request.state, "caller"):
            authenticate = self.authenticator.authenticate
            request.state.caller = await run_in_threadpool(authenticate, bearer(request), self.clock())
        caller: Principal = request.state.caller
        return caller

    async def permit(self, principal: Principal, action: PlatformAction, kind: str, name: str) -> Permit:
        """The permit to go on. Raises `Forbidden`; a denied write is audited."""
        return await run_in_threadpool(authorize, self.store, principal, action, kind, name, self.clock())

"""A person lets an agent act for them: pushed by the agent, logged in at their issuer, consented to here.

Only pushed requests are taken (RFC 9126): who asks is known before anybody's browser is sent anywhere. A stage is a row
under the digest of a secret that only the next party holds; whoever leaves a stage is the only one.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Protocol
from urllib.parse import urlencode

from leasehold.authn.people import Person, authenticate_login
from leasehold.authn.ports import SubjectTokenVerifier
from leasehold.exchange.client_credentials import ClientRequest, client_refusal, decided_for, uses_of
from leasehold.exchange.clients import Client, Clients, checked_grant
from leasehold.exchange.ledger import Ledger, Note
from leasehold.exchange.logging_in import (
    CALLBACK,
    LOGIN_FOR,
    AuthorizationRefused,
    OpenLogins,
    derived,
    login_of,
    login_url,
)
from leasehold.exchange.metadata import AUTHORIZATION_CODE
from leasehold.exchange.on_behalf import digest_of
from leasehold.exchange.ports import Store
from leasehold.exchange.refusals import ExchangeReason, ExchangeRefused
from leasehold.exchange.registrations import Registrations
from leasehold.exchange.views import AgentView, Views
from leasehold.model.consents import Consent, Pending, Stage
from leasehold.model.events import AuditEvent, Outcome
from leasehold.model.leases import REGISTRY, Ancestor, consent_node, stands_for, user_node
from leasehold.model.tokens import LEEWAY, TokenRefused, UnverifiedToken
from leasehold.model.trust import Login, TrustIssuer
from leasehold.policy.consenting import StepPermit, decide_start, decide_step, may_be_asked
from leasehold.policy.leasing import LeasePermit

PUSHED_FOR = timedelta(seconds=90)
CODE_FOR = timedelta(seconds=60)
REQUEST_URI = "urn:ietf:params:oauth:request_uri:"
_GONE = "the application that asked is not registered any more"


@dataclass(frozen=True, slots=True, kw_only=True)
class PushedRequest:
    """What an agent wants a person to be asked (RFC 9126 §2.1). `issuer`: where to log in, if there is a choice."""

    client: ClientRequest
    redirect_uri: str
    challenge: str
    state: str | None
    issuer: str | None
    silent: bool


@dataclass(frozen=True, slots=True)
class Redirect:
    """Where the browser goes next; `browser` is the secret that its cookie keeps from now on."""

    url: str
    browser: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Question:
    """What the person is asked. `ticket` answers it."""

    ticket: str = field(repr=False)
    pending: Pending
    view: AgentView


@dataclass(frozen=True, slots=True)
class Arrival:
    """Somebody logged in to connect an account of theirs. `ticket` leads on, in their browser alone."""

    ticket: str = field(repr=False)


class LoginClient(Protocol):
    """Redeems the code of a login at the issuer's token endpoint. Raises `TokenRefused`."""

    async def redeem(self, issuer: TrustIssuer, login: Login, fields: Mapping[str, str]) -> UnverifiedToken: ...


class Authorizing:
    """Leads people through."""

    def __init__(  # noqa: PLR0913  the whole token service stands behind it
        self,
        *,
        issuer: str,
        clients: Clients,
        registrations: Registrations,
        verifier: SubjectTokenVerifier,
        logins: LoginClient,
        views: Views,
        store: Store,
        ledger: Ledger,
        open_logins: OpenLogins | None = None,
    ) -> None:
        self._open = open_logins or OpenLogins(secrets.token_bytes(32))
        self._issuer = issuer
        self._clients = clients
        self._registrations = registrations
        self._verifier = verifier
        self._logins = logins
        self._views = views
        self._store = store
        self._ledger = ledger

    async def push(self, request: PushedRequest, now: datetime) -> str:
        """The request_uri of a request. Raises `ExchangeRefused`, which is on record then; `Unavailable`."""
        try:
            return await self._pushed(request, now)
        except ExchangeRefused as refused:
            event = client_refusal("push", request.client.credential, None, refused.reason, now)
            await self._ledger.write(Note(event))
            raise

    async def _pushed(self, request: PushedRequest, now: datetime) -> str:
        await self._views.refresh(self._views.pieces)
        pieces = self._views.pieces
        client = await self._clients.authenticate(request.client.credential, pieces, now)
        lease = decided_for(client, request.client, now)
        step = decide_start(client.agent, checked_grant(client, AUTHORIZATION_CODE).metadata, request.redirect_uri)
        if step is None:
            raise ExchangeRefused(ExchangeReason.REDIRECT_REFUSED)
        name, _ = await self._issuer_named(request.issuer)
        reference = secrets.token_urlsafe(32)
        pending = Pending(
            digest=digest_of(reference),
            stage=Stage.PUSHED,
            agent=client.agent,
            redirect_uri=request.redirect_uri,
            challenge=request.challenge,
            state=request.state,
            resource=lease.audience,
            scopes=lease.scopes,
            expires_at=now + PUSHED_FOR,
            detail=(
                ("client", client.metadata.client_id),
                ("issuer", name),
                ("silent", "1" if request.silent else ""),
            ),
        )
        if not await asyncio.to_thread(self._push, lease, pending, client, now):
            raise ExchangeRefused(ExchangeReason.REPLAYED)
        return REQUEST_URI + reference

    async def start(self, client_id: str, request_uri: str, now: datetime) -> Redirect:
        """To the login of a pushed request, which is used up. Raises `AuthorizationRefused`."""
        reference = request_uri.removeprefix(REQUEST_URI)
        pending = await asyncio.to_thread(self._find, reference, Stage.PUSHED)
        step = decide_step(pending, now, browser=None) if pending is not None else None
        if pending is None or step is None or pending.get("client") != client_id:
            raise AuthorizationRefused("this request is unknown, used or too old: start again from the application")
        await self._asked(pending)
        issuer = await self._issuer_of(pending.get("issuer"))
        state, browser = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        following = replace(
            pending,
            digest=digest_of(state),
            stage=Stage.LOGIN,
            expires_at=now + LOGIN_FOR,
            detail=(*pending.detail, ("browser", digest_of(browser))),
        )
        await self._move(step, pending, following)
        return Redirect(login_url(self._issuer, issuer, state, browser, silent=bool(pending.get("silent"))), browser)

    async def log_in(self, tool_server: str, wanted: str | None, now: datetime) -> Redirect:
        """To the login of somebody who connects an account at a tool server. Raises `AuthorizationRefused`."""
        await self._views.refresh(self._views.pieces)
        try:
            name, issuer = await self._issuer_named(wanted)
        except ExchangeRefused as refused:
            raise AuthorizationRefused("nobody can log in here, or it is not clear where: name an issuer") from refused
        browser = secrets.token_urlsafe(32)
        state = self._open.state({"issuer": name, "server": tool_server, "browser": digest_of(browser)}, now)
        return Redirect(login_url(self._issuer, issuer, state, browser, silent=False), browser)

    async def finish_login(
        self, answer: Mapping[str, str], browser: str, now: datetime
    ) -> Question | Redirect | Arrival:
        """Who came back from the login: asked, or sent on if they consented before. Raises `AuthorizationRefused`."""
        state = answer.get("state", "")
        pending = self._open.find(state) or await asyncio.to_thread(self._find, state, Stage.LOGIN)
        step = decide_step(pending, now, browser=digest_of(browser)) if pending is not None else None
        if pending is None or step is None:
            raise AuthorizationRefused("this login was not started here, or took too long: start again")
        issuer = await self._issuer_of(pending.get("issuer"))
        if answer.get("iss", issuer.issuer) != issuer.issuer:  # RFC 9207 §2.4
            raise AuthorizationRefused("this answer is of another issuer than was asked")
        if not pending.agent:
            return await self._arrived(step, pending, issuer, answer, browser, now)
        view = await self._asked(pending)
        if "code" not in answer:
            await self._move(step, pending, None)
            wanted = "consent_required" if pending.get("silent") else "access_denied"
            return self._back(pending, error=wanted)
        person = await self._person(pending, issuer, answer["code"], browser, now)
        standing = await asyncio.to_thread(self._standing, person.id, pending)
        if standing:
            return await self._with_code(step, pending, person.id, now)
        if pending.get("silent"):
            await self._move(step, pending, None)
            return self._back(pending, error="consent_required")
        ticket = secrets.token_urlsafe(32)
        asked = replace(
            pending,
            digest=digest_of(ticket),
            stage=Stage.CONSENT,
            expires_at=now + LOGIN_FOR,
            detail=(*pending.detail, ("user", person.id)),
        )
        await self._move(step, pending, asked)
        return Question(ticket, asked, view)

    async def _arrived(
        self,
        step: StepPermit,
        pending: Pending,
        issuer: TrustIssuer,
        answer: Mapping[str, str],
        browser: str,
        now: datetime,
    ) -> Arrival:
        """Somebody who connects an account of theirs: who it belongs to is written down here and now."""
        if "code" not in answer:
            raise AuthorizationRefused("the login was not finished: start again")
        person = await self._person(pending, issuer, answer["code"], browser, now)
        ticket = secrets.token_urlsafe(32)
        stands = await asyncio.to_thread(self._stands, person.id)
        about = (("holder", person.id), ("by", person.id), ("stands", stands))
        following = replace(
            pending,
            digest=digest_of(ticket),
            stage=Stage.CONNECT,
            expires_at=now + LOGIN_FOR,
            detail=(*pending.detail, *about),
        )
        await asyncio.to_thread(self._add, step, following, now)
        return Arrival(ticket)

    async def answer(self, ticket: str, browser: str, now: datetime, *, allowed: bool) -> Redirect:
        """What the person said, and back to the application. Raises `AuthorizationRefused`."""
        pending = await asyncio.to_thread(self._find, ticket, Stage.CONSENT)
        step = decide_step(pending, now, browser=digest_of(browser)) if pending is not None else None
        if pending is None or step is None:
            raise AuthorizationRefused("this question was answered already, or not asked of you")
        await self._asked(pending)
        if not allowed:
            await self._move(step, pending, None)
            return self._back(pending, error="access_denied")
        return await self._with_code(step, pending, pending.get("user"), now, consents=True)

    async def _with_code(
        self, step: StepPermit, pending: Pending, user: str, now: datetime, *, consents: bool = False
    ) -> Redirect:
        code = secrets.token_urlsafe(32)
        following = replace(
            pending,
            digest=digest_of(code),
            stage=Stage.CODE,
            expires_at=now + CODE_FOR,
            detail=(("client", pending.get("client")), ("user", user)),
        )
        consent = Consent(user=user, agent=pending.agent, resource=pending.resource, scopes=pending.scopes, at=now)
        await self._move(step, pending, following, consent if consents else None)
        return self._back(pending, code=code)

    async def _person(self, pending: Pending, issuer: TrustIssuer, code: str, browser: str, now: datetime) -> Person:
        login = login_of(issuer)
        fields = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._issuer + CALLBACK,
            "client_id": login.client_id,
            "code_verifier": derived("verifier", browser),
        }
        try:
            id_token = await self._logins.redeem(issuer, login, fields)
            return await authenticate_login(
                id_token,
                pending.get("issuer"),
                issuer,
                login,
                nonce=derived("nonce", browser),
                verifier=self._verifier,
                now=now,
            )
        except TokenRefused as refused:
            raise AuthorizationRefused("the login was not accepted") from refused

    async def _asked(self, pending: Pending) -> AgentView:
        await self._views.refresh(self._views.pieces)  # an address that was taken away just now is none
        try:
            found = await self._registrations.find(pending.get("client"), self._views.pieces)
        except (ExchangeRefused, TokenRefused) as refused:
            raise AuthorizationRefused(_GONE) from refused
        facts = found.view.facts
        if facts.name != pending.agent or not may_be_asked(facts, found.metadata, pending.redirect_uri):
            raise AuthorizationRefused(_GONE)
        return found.view

    async def _issuer_named(self, wanted: str | None) -> tuple[str, TrustIssuer]:
        issuers = await self._views.issuers(self._views.pieces)
        found = {name: issuer for named in issuers.values() for name, issuer in named if issuer.login is not None}
        if wanted is not None:
            found = {name: issuer for name, issuer in found.items() if name == wanted}
        if len(found) != 1:
            raise ExchangeRefused(ExchangeReason.NO_LOGIN)
        return next(iter(found.items()))

    async def _issuer_of(self, name: str) -> TrustIssuer:
        try:
            return (await self._issuer_named(name))[1]
        except ExchangeRefused as refused:
            raise AuthorizationRefused("nobody can log in there any more") from refused

    def _back(self, pending: Pending, **answer: str) -> Redirect:
        """To the application, with `iss` so that it can tell us from others (RFC 9207)."""
        state = {"state": pending.state} if pending.state is not None else {}
        joint = "&" if "?" in pending.redirect_uri else "?"
        return Redirect(f"{pending.redirect_uri}{joint}{urlencode({**answer, **state, 'iss': self._issuer})}")

    def _find(self, secret: str, stage: Stage) -> Pending | None:
        with self._store.read() as unit:
            return unit.authorizations.find(digest_of(secret), stage)

    def _standing(self, user: str, pending: Pending) -> bool:
        with self._store.read() as unit:
            consent = unit.consents.find(user, pending.agent, pending.resource)
        return consent is not None and consent.stands_for(pending.scopes)

    def _stands(self, user: str) -> str:
        """The generations that a person's connection will hang on."""
        nodes = (REGISTRY, user_node(user))
        with self._store.read() as unit:
            generations = unit.nodes.generations(nodes)
        return stands_for(Ancestor(node, generations.get(node, 0)) for node in nodes)

    def _add(self, _permit: StepPermit, pending: Pending, now: datetime) -> None:
        with self._store.begin() as unit:
            unit.authorizations.forget(now)
            unit.authorizations.add(pending)

    def _push(self, permit: LeasePermit, pending: Pending, client: Client, now: datetime) -> bool:
        uses = {(use.issuer, use.digest): use.expires_at + LEEWAY for use in uses_of(client, None)}
        with self._store.begin() as unit:
            if len(unit.replays.first_uses(uses)) != len(uses):
                return False
            unit.authorizations.forget(now)
            unit.authorizations.add(pending)
            unit.audit.append(_event("push", f"agent:{permit.agent}", pending, now))
        return True

    async def _move(
        self, step: StepPermit, pending: Pending, following: Pending | None, consent: Consent | None = None
    ) -> None:
        if not await asyncio.to_thread(self._move_on, step, pending, following, consent):
            raise AuthorizationRefused("this was done already: start again from the application")

    def _move_on(self, step: StepPermit, pending: Pending, following: Pending | None, consent: Consent | None) -> bool:
        with self._store.begin() as unit:
            if unit.authorizations.take(pending.digest, pending.stage) is None or step.agent != pending.agent:
                return False
            if following is not None:
                unit.authorizations.add(following)
            if consent is not None:
                unit.consents.put(consent)
                unit.nodes.ensure(consent_node(consent.user, consent.agent, consent.resource))
                unit.audit.append(_event("consent", consent.user, pending, consent.at))
        return True


def _event(action: str, principal: str, pending: Pending, now: datetime) -> AuditEvent:
    detail = {"client_id": pending.agent, "resource": pending.resource, "scopes": sorted(pending.scopes)}
    return AuditEvent(
        at=now,
        principal=principal,
        action=action,
        kind="consents",
        name=pending.agent,
        outcome=Outcome.OK,
        detail=detail,
    )

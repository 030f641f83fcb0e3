"""A person lets an agent act for them: pushed by the agent, logged in at their issuer, consented to here."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from leasehold.authn.people import Person
from leasehold.exchange.logging_in import LOGIN_FOR, AuthorizationRefused, LoggingIn
from leasehold.exchange.plain_requests import PlainRequests, is_plain
from leasehold.exchange.pushing import REQUEST_URI
from leasehold.exchange.refusals import ExchangeRefused
from leasehold.exchange.registrations import Registration, Registrations
from leasehold.exchange.returning import Redirect, sent_back
from leasehold.exchange.stages import Stages, log_in
from leasehold.exchange.views import AgentView, Views
from leasehold.model.access import Reach
from leasehold.model.consents import Consent, Pending, Stage, digest_of, nodes_of_person
from leasehold.model.events import AuditEvent
from leasehold.model.leases import user_node
from leasehold.model.registrations import ClientMetadata
from leasehold.model.tokens import TokenRefused
from leasehold.model.trust import TrustIssuer
from leasehold.policy.consenting import StepPermit, decide_step, may_be_asked, reach_asked

CODE_FOR = timedelta(seconds=60)
_WHO = ("user", "groups", "stands")
_GONE = "the application that asked is not registered any more"


@dataclass(frozen=True, slots=True)
class Question:
    """What the person is asked. `ticket` answers it. `reach`: places and limits as they are now."""

    ticket: str = field(repr=False)
    pending: Pending
    view: AgentView
    client: ClientMetadata
    reach: tuple[Reach, ...]


@dataclass(frozen=True, slots=True)
class Arrival:
    """Somebody logged in to connect an account of theirs. `ticket` leads on, in their browser alone."""

    ticket: str = field(repr=False)


class Authorizing:
    """Leads people through."""

    def __init__(
        self,
        *,
        issuer: str,
        registrations: Registrations,
        logging_in: LoggingIn,
        views: Views,
        stages: Stages,
        plain: PlainRequests,
    ) -> None:
        self._issuer = issuer
        self._plain = plain
        self._registrations = registrations
        self._logging_in = logging_in
        self._views = views
        self._stages = stages

    async def start(self, client_id: str, request_uri: str, now: datetime) -> Redirect:
        """To the login of a pushed request, which is used up. Raises `AuthorizationRefused`."""
        reference = request_uri.removeprefix(REQUEST_URI)
        pending = await self._stages.find(reference, Stage.PUSHED)
        step = decide_step(pending, now, browser=None) if pending is not None else None
        if pending is None or step is None or pending.get("client") != client_id:
            raise AuthorizationRefused("this request is unknown, used or too old: start again from the application")
        await self._asked(pending)
        issuer = await self._logging_in.issuer_of(pending)
        state, browser = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        following = replace(
            pending,
            digest=digest_of(state),
            stage=Stage.LOGIN,
            expires_at=now + LOGIN_FOR,
            detail=(*pending.detail, ("browser", digest_of(browser))),
        )
        await self._move(step, pending, following)
        prompt = "none" if pending.get("silent") else ""
        return Redirect(self._logging_in.url(issuer, state, browser, prompt=prompt), browser)

    async def log_in(self, tool_server: str, wanted: str | None, now: datetime) -> Redirect:
        """To the login of somebody who connects an account at a tool server. Raises `AuthorizationRefused`."""
        await self._views.refresh(self._views.pieces)
        try:
            name, issuer = await self._logging_in.issuer_named(wanted)
        except ExchangeRefused as refused:
            raise AuthorizationRefused("nobody can log in here, or it is not clear where: name an issuer") from refused
        browser = secrets.token_urlsafe(32)
        state = self._logging_in.open.state({"issuer": name, "server": tool_server, "browser": digest_of(browser)}, now)
        return Redirect(self._logging_in.url(issuer, state, browser), browser)

    async def finish_login(
        self, answer: Mapping[str, str], browser: str, now: datetime
    ) -> Question | Redirect | Arrival:
        """Who came back from the login: asked, or sent on if they consented before. Raises `AuthorizationRefused`."""
        pending, step, issuer = await self._begun(answer, browser, now)
        if not pending.agent:
            return await self._arrived(step, pending, issuer, answer, browser, now)
        found = await self._asked(pending)
        plain = is_plain(pending)
        if plain:
            pending = await self._plain.resumed(pending, now)
        if "code" not in answer:
            await self._move(step, pending, None)
            return self._back(pending, error=_why_nobody(pending, answer))
        person = await self._person(pending, issuer, answer, browser, now)
        told = log_in(pending, person.id, now)
        # INVARIANT: what is revoked from here on, the person above all, ends what is under way for them.
        who = (
            *_told_of(person),
            ("stands", await self._stages.stands(step, (*nodes_of_person(person.id), *found.nodes))),
        )
        # A client that anybody could be is asked about each time: only the person knows who started it (RFC 8252 §8.6).
        if not plain and await self._stages.is_consented(person.id, pending):
            return await self._with_code(step, pending, who, now, told=told)
        if pending.get("silent"):
            await self._move(step, pending, None, told=told)
            return self._back(pending, error="consent_required")
        ticket = secrets.token_urlsafe(32)
        asked = replace(
            pending,
            digest=digest_of(ticket),
            stage=Stage.CONSENT,
            expires_at=now + LOGIN_FOR,
            detail=(*pending.detail, *who),
        )
        await self._move(step, pending, asked, told=told)
        return Question(ticket, asked, found.view, found.metadata, reach_asked(found.view.facts, asked, now))

    async def _begun(
        self, answer: Mapping[str, str], browser: str, now: datetime
    ) -> tuple[Pending, StepPermit, TrustIssuer]:
        """The login that this answer is of, and where it was. Raises `AuthorizationRefused`."""
        state = answer.get("state", "")
        pending = self._logging_in.open.find(state) or await self._stages.find(state, Stage.LOGIN)
        step = decide_step(pending, now, browser=digest_of(browser)) if pending is not None else None
        if pending is None or step is None:
            raise AuthorizationRefused("this login was not started here, or took too long: start again")
        issuer = await self._logging_in.issuer_of(pending)
        if answer.get("iss", issuer.issuer) != issuer.issuer:  # RFC 9207 §2.4
            raise AuthorizationRefused("this answer is of another issuer than was asked")
        return pending, step, issuer

    async def _person(
        self, pending: Pending, issuer: TrustIssuer, answer: Mapping[str, str], browser: str, now: datetime
    ) -> Person:
        """Who came back; that nobody did is on record. Raises `AuthorizationRefused`."""
        try:
            return await self._logging_in.person(pending, issuer, answer, browser, now)
        except AuthorizationRefused:
            await self._stages.note(log_in(pending, "", now))
            raise

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
        person = await self._person(pending, issuer, answer, browser, now)
        ticket = secrets.token_urlsafe(32)
        stands = await self._stages.stands(step, (user_node(person.id),))
        about = (("holder", person.id), ("by", person.id), ("stands", stands))
        following = replace(
            pending,
            digest=digest_of(ticket),
            stage=Stage.CONNECT,
            expires_at=now + LOGIN_FOR,
            detail=(*pending.detail, *about),
        )
        await self._stages.begin(step, following, now, log_in(pending, person.id, now))
        return Arrival(ticket)

    async def answer(self, ticket: str, browser: str, now: datetime, *, allowed: bool) -> Redirect:
        """What the person said, and back to the application. Raises `AuthorizationRefused`."""
        pending = await self._stages.find(ticket, Stage.CONSENT)
        step = decide_step(pending, now, browser=digest_of(browser)) if pending is not None else None
        if pending is None or step is None:
            raise AuthorizationRefused("this question was answered already, or not asked of you")
        if not await self._stages.still_stands(pending.get("stands")):
            raise AuthorizationRefused("this login was ended meanwhile: start again from the application")
        await self._logging_in.issuer_of(pending)  # whoever said who this is may not be believed any more
        await self._asked(pending)
        if not allowed:
            await self._move(step, pending, None)
            return self._back(pending, error="access_denied")
        who = tuple((name, pending.get(name)) for name in _WHO)
        return await self._with_code(step, pending, who, now, consents=True)

    async def _with_code(
        self,
        step: StepPermit,
        pending: Pending,
        who: tuple[tuple[str, str], ...],
        now: datetime,
        *,
        consents: bool = False,
        told: AuditEvent | None = None,
    ) -> Redirect:
        code = secrets.token_urlsafe(32)
        following = replace(
            pending,
            digest=digest_of(code),
            stage=Stage.CODE,
            expires_at=now + CODE_FOR,
            detail=(("client", pending.get("client")), ("key", pending.get("key")), *who),
        )
        user = dict(who)["user"]
        consent = Consent(user=user, agent=pending.agent, resource=pending.resource, scopes=pending.scopes, at=now)
        await self._move(step, pending, following, consent if consents else None, told)
        return self._back(pending, code=code)

    async def _asked(self, pending: Pending) -> Registration:
        await self._views.refresh(self._views.pieces)  # an address that was taken away just now is none
        try:
            found = await self._registrations.find(pending.get("client"), self._views.pieces)
        except (ExchangeRefused, TokenRefused) as refused:
            raise AuthorizationRefused(_GONE) from refused
        facts = found.view.facts
        if facts.name != pending.agent or not may_be_asked(facts, found.metadata, pending.redirect_uri):
            raise AuthorizationRefused(_GONE)
        return found

    def _back(self, pending: Pending, **answer: str) -> Redirect:
        return sent_back(self._issuer, pending.redirect_uri, pending.state, **answer)

    async def _move(
        self,
        step: StepPermit,
        pending: Pending,
        following: Pending | None,
        consent: Consent | None = None,
        told: AuditEvent | None = None,
    ) -> None:
        if is_plain(pending):  # nothing was kept of it until now
            if following is not None and told is not None:
                await self._stages.begin(step, following, told.at, told)
            return
        if not await self._stages.move(step, pending, following, consent, told):
            raise AuthorizationRefused("this was done already: start again from the application")


def _why_nobody(pending: Pending, answer: Mapping[str, str]) -> str:
    """Why nobody came back: whoever would not be asked is told whether logging in is missing (OIDC Core §3.1.2.6)."""
    if not pending.get("silent"):
        return "access_denied"
    return "login_required" if answer.get("error") == "login_required" else "consent_required"


def _told_of(person: Person) -> tuple[tuple[str, str], ...]:
    """What later stages need to know of who logged in."""
    return (("user", person.id), ("groups", json.dumps(sorted(person.groups))))

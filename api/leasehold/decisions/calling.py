"""A tool call as a question, for doors that hold the caller's token: who acts, for whom, and through whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from leasehold.decisions.assembling import State
from leasehold.decisions.questions import AccessQuestion, Party, groups_of_login
from leasehold.model.access_requests import AccessRequest, OauthMode, OauthStatus
from leasehold.model.entities import AGENT, USER, Entity, EntityRef
from leasehold.model.errors import InvalidValue
from leasehold.model.tokens import Flaw, TokenRefused, VerifiedClaims

MAX_CHAIN = 16
_AGENT = "agent:"


@dataclass(frozen=True, slots=True, kw_only=True)
class CallerFacts:
    """What a verified token says. `chain`: the agents above the one that acts, the first of all at its head.

    `groups`: those of the person's own issuer that it named at their login. Raises `TokenRefused` for groups of nobody.
    """

    agent: str
    user: str | None
    chain: tuple[str, ...]
    scopes: frozenset[str]
    deployment: str | None
    groups: tuple[str, ...] = ()
    context: Mapping[str, object] = field(init=False, repr=False, compare=False)
    """The same as a question's context, made once."""
    status: OauthStatus = field(init=False, repr=False, compare=False)
    """The same as a policy sees it."""
    parents: frozenset[EntityRef] = field(init=False, repr=False, compare=False)
    """The groups as policies name them."""

    def __post_init__(self) -> None:
        mode = OauthMode.ON_BEHALF_OF if self.user is not None else OauthMode.AUTONOMOUS
        # A token on behalf of somebody is issued with their consent alone, and dies with it.
        status = OauthStatus(mode=mode, scopes=self.scopes, consent=self.user is not None)
        oauth = {"mode": mode.value, "scopes": sorted(self.scopes), "consent": status.consent}
        context: dict[str, object] = {"chain": list(self.chain), "oauth": oauth}
        brought = {"groups": list(self.groups)} if self.groups else {}
        context |= {"user": {"type": USER, "id": self.user, **brought}} if self.user is not None else {}
        context |= {"deployment": self.deployment} if self.deployment is not None else {}
        object.__setattr__(self, "context", context)
        object.__setattr__(self, "status", status)
        try:
            parents = groups_of_login(self.user, self.groups)
        except InvalidValue:  # of a token of ours: whose groups they are, its `sub` does not say
            raise TokenRefused(Flaw.BAD_CLAIM) from None
        object.__setattr__(self, "parents", parents)

    def question(
        self, action: str, resource: str, arguments: Mapping[str, object], source: str | None
    ) -> AccessQuestion:
        """May they call `action` (`<server>/<tool>`) on `resource` (`type:id`)?"""
        type_, _, id_ = resource.partition(":")
        return AccessQuestion(
            subject=Party(AGENT, self.agent),
            action=action,
            properties={"arguments": arguments} if arguments else {},
            resource=Party(type_, id_),
            context=self.context if source is None else {**self.context, "source_ip": source},
        )

    def request(self, question: AccessQuestion, state: State, at: datetime, source: str | None) -> AccessRequest:
        """A question of `question` as it is decided: what `request_of` makes of it, without reading it again."""
        arguments = question.properties.get("arguments", {})
        assert isinstance(arguments, Mapping)  # noqa: S101  it was made above
        ref = state.directory.ref
        return AccessRequest(
            subject=Entity(ref=ref(AGENT, self.agent)),
            user=Entity(ref=ref(USER, self.user), parents=self.parents) if self.user is not None else None,
            action=question.action,
            resource=Entity(ref=ref(question.resource.type, question.resource.id)),
            at=at,
            arguments=arguments,
            chain=self.chain,
            deployment=self.deployment,
            source=source,
            oauth=self.status,
        )


def facts_of(verified: VerifiedClaims, *, scopes: frozenset[str], deployment: str | None) -> CallerFacts:
    """Who acts, for whom, and through whom. Raises `TokenRefused` for what is no agent's token."""
    claims, subject = verified.claims, verified.subject
    actors = actors_of(claims.get("act"))
    agent = actors[0] if actors else subject.removeprefix(_AGENT)
    user = None if subject.startswith(_AGENT) else subject.removeprefix("user:")
    if not agent or (user is not None and not actors):
        raise TokenRefused(Flaw.BAD_CLAIM)
    first = (subject.removeprefix(_AGENT),) if actors and user is None else ()
    return CallerFacts(
        agent=agent,
        user=user,
        chain=(*first, *reversed(actors[1:])),  # the current actor is the agent itself
        scopes=scopes,
        deployment=deployment,
        groups=groups_in(claims) if user is not None else (),
    )


def actors_of(act: object) -> tuple[str, ...]:
    """The agents of nested `act` claims, the current one first (RFC 8693 §4.1). Raises `TokenRefused`."""
    actors: list[str] = []
    while act is not None:
        if not isinstance(act, dict) or len(actors) >= MAX_CHAIN:
            raise TokenRefused(Flaw.BAD_CLAIM)
        actors.append(str(act.get("sub", "")).removeprefix(_AGENT))
        act = act.get("act")
    return tuple(actors)


def groups_in(claims: Mapping[str, object]) -> tuple[str, ...]:
    """The groups of the person that a token of ours is on behalf of (RFC 9068 §2.2.3.1). Raises `TokenRefused`."""
    found = claims.get("groups", [])
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise TokenRefused(Flaw.BAD_CLAIM)
    return tuple(found)

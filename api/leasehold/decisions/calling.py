"""A tool call as a question, for doors that hold the caller's token: who acts, for whom, and through whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from leasehold.decisions.questions import AccessQuestion, Party
from leasehold.model.access_requests import OauthMode
from leasehold.model.entities import AGENT, USER
from leasehold.model.tokens import Flaw, TokenRefused

MAX_CHAIN = 16
_AGENT = "agent:"


@dataclass(frozen=True, slots=True, kw_only=True)
class CallerFacts:
    """What a verified token says. `chain`: the agents above the one that acts, the first of all at its head."""

    agent: str
    user: str | None
    chain: tuple[str, ...]
    scopes: frozenset[str]
    deployment: str | None
    context: Mapping[str, object] = field(init=False, repr=False, compare=False)
    """The same as a question's context, made once."""

    def __post_init__(self) -> None:
        mode = OauthMode.ON_BEHALF_OF if self.user is not None else OauthMode.AUTONOMOUS
        # A token on behalf of somebody is issued with their consent alone, and dies with it.
        oauth = {"mode": mode.value, "scopes": sorted(self.scopes), "consent": self.user is not None}
        context: dict[str, object] = {"chain": list(self.chain), "oauth": oauth}
        context |= {"user": {"type": USER, "id": self.user}} if self.user is not None else {}
        context |= {"deployment": self.deployment} if self.deployment is not None else {}
        object.__setattr__(self, "context", context)

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


def actors_of(act: object) -> tuple[str, ...]:
    """The agents of nested `act` claims, the current one first (RFC 8693 §4.1). Raises `TokenRefused`."""
    actors: list[str] = []
    while act is not None:
        if not isinstance(act, dict) or len(actors) >= MAX_CHAIN:
            raise TokenRefused(Flaw.BAD_CLAIM)
        actors.append(str(act.get("sub", "")).removeprefix(_AGENT))
        act = act.get("act")
    return tuple(actors)

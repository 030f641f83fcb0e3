"""What policies assert of decisions, asked of the decision point: requests that must be allowed, or denied."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from leasehold.model.access_requests import AccessRequest, OauthMode, OauthStatus, action_name
from leasehold.model.decisions import Reason
from leasehold.model.directory import entity_id
from leasehold.model.entities import AGENT, TOOL_SERVER, USER, Entity, EntityRef
from leasehold.model.json_texts import parsed_object
from leasehold.model.policies import Assertion, Assertions
from leasehold.policy.deciding import decision_on
from leasehold.policy.directory import Directory
from leasehold.policy.published import Published

_LACKING = frozenset(
    {
        *(Reason.ENTITY_MISSING, Reason.UNKNOWN_ACTION, Reason.NOTHING_GRANTED, Reason.NOT_PERMITTED),
        *(Reason.RESOURCE_NOT_GRANTED, Reason.ARGUMENTS_NOT_GRANTED, Reason.GRANT_EXPIRED),
    }
)
_CONSENTED = OauthStatus(mode=OauthMode.ON_BEHALF_OF, consent=True)


@dataclass(frozen=True, slots=True)
class Broken:
    """An assertion that does not hold: `assertions.allow.0`, and the reason of the decision that was made."""

    path: str
    reason: Reason

    @property
    def may_come(self) -> bool:
        """True if what it lacks may only come to live later: an agent, a tool, a grant."""
        return self.path.startswith("assertions.allow.") and self.reason in _LACKING


def broken_assertions(
    asserted: Assertions, published: Published, directory: Directory, at: datetime
) -> Iterator[Broken]:
    """Those that do not hold."""
    for wanted, several in ((True, asserted.allow), (False, asserted.deny)):
        for place, one in enumerate(several):
            decision = decision_on(request_of(one, directory, at), published)
            if decision.allowed is not wanted:
                yield Broken(f"assertions.{'allow' if wanted else 'deny'}.{place}", decision.reason)


def request_of(one: Assertion, directory: Directory, at: datetime) -> AccessRequest:
    """The question that an assertion asks. An agent for a person asks with that person's consent.

    Whoever is named by a foreign id is the person whose it is.
    """
    context = parsed_object(one.context)
    properties = parsed_object(one.properties)
    if one.subject is not None and one.action is not None and one.resource is not None:
        subject = Entity(ref=_ref(one.subject, directory))
        return AccessRequest(
            subject=subject,
            action=one.action,
            resource=Entity(ref=_ref(one.resource, directory), attributes=properties),
            at=at,
            context=context,
        )
    agent = Entity(ref=EntityRef(AGENT, one.agent)) if one.agent is not None else None
    user = Entity(ref=EntityRef(USER, one.user)) if one.user is not None else None
    resource = EntityRef(TOOL_SERVER, one.tool_server or "") if one.resource is None else _ref(one.resource, directory)
    asking = agent or user
    assert asking is not None  # noqa: S101  an assertion names one of them
    return AccessRequest(
        subject=asking,
        action=action_name(one.tool_server or "", one.tool or ""),
        resource=Entity(ref=resource, attributes=properties),
        at=at,
        user=user if agent is not None else None,
        oauth=OauthStatus(mode=OauthMode.ON_BEHALF_OF, consent=True)
        if agent is not None and user is not None
        else None,
        arguments=parsed_object(one.arguments),
        context=context,
    )


def _ref(text: str, directory: Directory) -> EntityRef:
    named = entity_id(text, "an entity")
    return directory.ref(named.type, named.id)

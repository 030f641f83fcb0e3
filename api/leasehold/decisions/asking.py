"""What who was denied can do about it: whether it can be asked for, the grant that would do, what policies advise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from leasehold.model.access_requests import AccessRequest
from leasehold.model.decisions import Decision
from leasehold.model.entities import AGENT
from leasehold.model.policies import PolicySide
from leasehold.policy.explaining import GRANTABLE, requestable
from leasehold.policy.published import Published

_ADVICE = "advice"


@dataclass(frozen=True, slots=True)
class Asking:
    """`grant` is made of the question alone: it tells nobody what the registry holds."""

    requestable: bool = False
    grant: Mapping[str, object] | None = None
    advice: tuple[str, ...] = ()


NOTHING_TO_ASK = Asking()


def asking_of(request: AccessRequest | None, decision: Decision, published: Published) -> Asking:
    """About a denial. `request` is None for what nobody understood."""
    if request is None:
        return NOTHING_TO_ASK
    told = tuple(dict.fromkeys(_advice(decision, published)))
    if not requestable(decision, published):
        return Asking(advice=told)
    lacks = any(one.side is PolicySide.AGENT and one.reason in GRANTABLE for one in decision.sides)
    return Asking(requestable=True, grant=_grant(request) if lacks else None, advice=told)


def _advice(decision: Decision, published: Published) -> list[str]:
    """`@advice` of each policy that denied."""
    ids = [id_ for side in decision.sides if not side.allowed for id_ in side.determining]
    policies = [published.policies[id_] for id_ in ids if id_ in published.policies]
    return [one.statement.annotations[_ADVICE] for one in policies if _ADVICE in one.statement.annotations]


def _grant(request: AccessRequest) -> Mapping[str, object] | None:
    server, separator, tool = request.action.partition("/")
    if request.subject.ref.type != AGENT or not separator:
        return None
    return {
        "agent": request.subject.ref.id,
        "tool_server": server,
        "tools": [tool],
        "resources": [str(request.resource.ref)],
    }

"""What an enforcement point has to do besides, out of the annotations of the policies that made a decision.

`@obligation("step-up")` with `@obligation_acr_value("…")`: every other annotation that begins so is a property. A point
that cannot comply with what a permit asks denies. What a denial asks comes on top of it, and changes nothing of it
(AuthZEN Profile for Obligations, draft 1, "Obligations on PERMIT Decisions" and "Obligations on DENY Decisions").
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from leasehold.model.decisions import Decision, Reason
from leasehold.policy.published import Published

_NAME = "obligation"
_PROPERTY = "obligation_"
TYPES = ("step-up", "notification", "session_termination", "custom")


def obligations_of(decision: Decision, published: Published) -> list[dict[str, object]]:
    """Those of every policy that let it through; of a denial, those of every forbid that held.

    A permit that did not let anything through asks for nothing: neither one whose conditions are not met, nor one of
    the side that would have allowed.
    """
    sides = [side for side in decision.sides if decision.allowed or side.reason is Reason.FORBIDDEN]
    determining = dict.fromkeys(id_ for side in sides for id_ in side.determining)
    return list(_obligations(determining, published))


def _obligations(ids: Mapping[str, None], published: Published) -> Iterator[dict[str, object]]:
    for id_ in ids:
        policy = published.policies.get(id_)
        said = policy.statement.annotations if policy is not None else {}
        if _NAME not in said:
            continue
        known = said[_NAME] in TYPES
        properties = {key.removeprefix(_PROPERTY): value for key, value in said.items() if key.startswith(_PROPERTY)}
        properties |= {} if known else {"name": said[_NAME]}
        yield {"id": id_, "type": said[_NAME] if known else "custom", "properties": properties}

"""`provider::leasehold::…`: pure functions, usable without a registry."""

from __future__ import annotations

from . import constraints, grant_ids, names, patterns
from .protocol import Bool, Dynamic, DynamicValue, Function, FunctionError, Parameter, Set, String

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from .names import Check

    Values = dict[str, Any]

_NAMES_LIMIT = 255
_DOMAIN = frozenset("abcdefghijklmnopqrstuvwxyz0123456789.-_")


class Covers(Function):
    """`covers(wide, narrow)`."""

    name = "covers"
    parameters = (
        Parameter(
            "wide",
            Dynamic,
            description="Pattern that should cover; `*` stands for any run of characters. Or constraints on arguments.",
        ),
        Parameter(
            "narrow",
            Dynamic,
            description="Pattern, or plain text, that should be covered. Or constraints on arguments.",
        ),
    )
    returns = Bool
    summary = "Tell whether one pattern covers another, or constraints cover others"
    description = (
        "True if everything that `narrow` matches is matched by `wide` too. The registry asks the same question of "
        "tools and resources when it holds a grant against a scope or a ceiling. Given two objects, such as "
        '`{ amount = { max = 50 } }` and `{ amount = { max = 20 }, currency = { one_of = ["EUR"] } }`, it asks the '
        "question of constraints on arguments; an error says where there is too much to compare."
    )

    def call(self, *arguments: Any) -> bool:  # Any: what it is decides which question is asked
        """Compare the two."""
        wide, narrow = (one.value if isinstance(one, DynamicValue) else one for one in arguments)
        if isinstance(wide, str) and isinstance(narrow, str):
            return patterns.covers(wide, narrow)
        if isinstance(wide, dict) and isinstance(narrow, dict):
            return _constraints_cover(wide, narrow)
        raise FunctionError("give two patterns, or constraints twice", 0 if isinstance(narrow, (str, dict)) else 1)


def _constraints_cover(wide: Values, narrow: Values) -> bool:
    for position, given in enumerate((wide, narrow)):
        complaint = constraints.check_written(given)
        if complaint is not None:
            raise FunctionError(complaint, position)
    from .algebra import alternatives_of, covered  # noqa: PLC0415 -- few calls ask for it

    above = tuple(alternatives_of(wide))
    verdicts = {covered(above, one) for one in alternatives_of(narrow)}
    if False in verdicts:
        return False
    if None in verdicts:
        raise FunctionError("there are too many limits to compare", 1)
    return True


class GrantId(Function):
    """`grant_id(agent, target, tools, resources, constraints…)`."""

    name = "grant_id"
    parameters = (
        Parameter("agent", String, description="Name of the agent."),
        Parameter("target", String, description="Name of the scope, or of the tool server."),
        Parameter("tools", Set(String), description="Tools of the tool server; `[]` for a grant on a scope."),
        Parameter("resources", Set(String), description="Resources; `[]` for a whole scope."),
    )
    variadic = Parameter("constraints", Dynamic, description="Constraints on arguments, once, if there are any.")
    returns = String
    summary = "Name a grant"
    description = "The name that the registry gives a grant, such as `triage/github.read_file@repo:web`."

    def call(self, *arguments: Any) -> str:  # Any: the last is an object that Terraform does not look into
        """Check the parts and join them."""
        agent, target, tools, resources, *written = arguments
        limits = [one.value if isinstance(one, DynamicValue) else one for one in written]
        if len(limits) > 1 or not all(isinstance(one, dict) for one in limits):
            raise FunctionError("give constraints once, as an object by argument", len(self.parameters))
        checks: tuple[Check, ...] = (
            names.check_name,
            names.check_name,
            names.each(names.check_tool),
            names.each(names.check_resource),
        )
        for position, check in enumerate(checks):
            complaint = check(arguments[position])
            if complaint is not None:
                raise FunctionError(complaint, position)
        complaint = constraints.check_written(limits[0]) if limits else None
        if complaint is not None:
            raise FunctionError(complaint, len(self.parameters))
        return grant_ids.grant_id(str(agent), str(target), tools, resources, *limits)


class SpiffeId(Function):
    """`spiffe_id(trust_domain, agent)`."""

    name = "spiffe_id"
    parameters = (
        Parameter("trust_domain", String, description="SPIFFE trust domain, such as `acme.example`."),
        Parameter("agent", String, description="Name of the agent."),
    )
    returns = String
    summary = "Name an agent in a SPIFFE trust domain"
    description = "`spiffe://<trust_domain>/agent/<agent>` (SPIFFE-ID §2)."

    def call(self, *arguments: str) -> str:
        """Check both and join them."""
        domain, agent = arguments
        if not (0 < len(domain) <= _NAMES_LIMIT and _DOMAIN.issuperset(domain)):
            raise FunctionError("a trust domain is 1-255 of a-z, 0-9, `.`, `-` and `_` (SPIFFE-ID §2.1)", 0)
        complaint = names.check_name(agent)
        if complaint is not None:
            raise FunctionError(complaint, 1)
        return f"spiffe://{domain}/agent/{agent}"


FUNCTIONS: Sequence[Function] = (Covers(), GrantId(), SpiffeId())

"""`provider::leasehold::…`: pure functions, usable without a registry."""

from __future__ import annotations

from . import grant_ids, names, patterns
from .protocol import Bool, Function, FunctionError, Parameter, Set, String

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from .names import Check

_NAMES_LIMIT = 255
_DOMAIN = frozenset("abcdefghijklmnopqrstuvwxyz0123456789.-_")


class Covers(Function):
    """`covers(wide, narrow)`."""

    name = "covers"
    parameters = (
        Parameter("wide", String, description="Pattern that should cover; `*` stands for any run of characters."),
        Parameter("narrow", String, description="Pattern, or plain text, that should be covered."),
    )
    returns = Bool
    summary = "Tell whether one pattern covers another"
    description = (
        "True if everything that `narrow` matches is matched by `wide` too. The registry asks the same question of "
        "tools and resources when it holds a grant against a scope or a ceiling."
    )

    def call(self, *arguments: str) -> bool:
        """Compare the two."""
        wide, narrow = arguments
        return patterns.covers(wide, narrow)


class GrantId(Function):
    """`grant_id(agent, target, tools, resources)`."""

    name = "grant_id"
    parameters = (
        Parameter("agent", String, description="Name of the agent."),
        Parameter("target", String, description="Name of the scope, or of the tool server."),
        Parameter("tools", Set(String), description="Tools of the tool server; `[]` for a grant on a scope."),
        Parameter("resources", Set(String), description="Resources; `[]` for a whole scope."),
    )
    returns = String
    summary = "Name a grant"
    description = "The name that the registry gives a grant, such as `triage/github.read_file@repo:web`."

    def call(self, *arguments: str | list[str]) -> str:
        """Check the parts and join them."""
        agent, target, tools, resources = arguments
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
        return grant_ids.grant_id(str(agent), str(target), tools, resources)


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

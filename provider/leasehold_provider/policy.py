"""`leasehold_policy`: a Cedar document of one side, checked by the registry's own engine while planning."""

from __future__ import annotations

from .names import check_document, check_json_object, check_name, check_text, one_of
from .problems import plain
from .protocol import Attribute, Nested, String, contains_unknown
from .registry_resource import RegistryResource, named

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from .protocol import PlanContext

    Values = dict[str, Any]

_SIDES = ("allow", "deny")
_TEXTS = ("properties", "arguments", "context")
_TOLD = ("name", "document", "side", "mode", "permits", "schema", "description")
_SUGGESTION = "did you mean"


def _part(description: str, **behaviour: Any) -> Attribute:  # Any: what an Attribute takes
    return Attribute(String, optional=True, description=description, **behaviour)


def _requests(description: str) -> Nested:
    return Nested(
        {
            "agent": _part("Agent that calls.", validators=(check_name,)),
            "user": _part("User on whose behalf.", validators=(check_name,)),
            "tool_server": _part("Tool server that is called.", validators=(check_name,)),
            "tool": _part("Tool that is called."),
            "subject": _part("In place of a tool call, a foreign question: who, as `type:id`."),
            "action": _part("The foreign action."),
            "resource": _part("On what, as `type:id`."),
            "properties": _part("What is claimed of the resource, as JSON text.", validators=(check_json_object,)),
            "arguments": _part("Arguments of the call, as JSON text.", validators=(check_json_object,)),
            "context": _part("What else is known, as JSON text.", validators=(check_json_object,)),
        },
        nesting="list",
        optional=True,
        description=description,
    )


class Policy(RegistryResource):
    """Only a security-admin writes one; a document that cannot be read never replaces a good one."""

    type_name = "leasehold_policy"
    kind = "policies"
    schema = named(
        {
            "document": Attribute(
                String,
                required=True,
                validators=(check_document,),
                description="Cedar policies, 64 KiB at most. A permit names its actions, each `<tool server>/<tool>`.",
            ),
            "side": Attribute(
                String,
                required=True,
                validators=(one_of("agent", "user"),),
                description="Whom it judges: the `agent`, or the `user` whom it acts for. Both must allow.",
            ),
            "mode": Attribute(
                String,
                default="enforce",
                validators=(one_of("log_only", "enforce"),),
                description="`enforce`, or `log_only` to record what it would have decided otherwise.",
            ),
            "permits": Attribute(
                String,
                default="within_grants",
                validators=(one_of("within_grants", "beyond_grants"),),
                description="An agent's permit says when a grant holds, or grants by itself (`beyond_grants`).",
            ),
            "schema": Attribute(
                String,
                optional=True,
                validators=(check_document,),
                description="Cedar schema of actions that no tool server has, for other applications that ask.",
            ),
            "description": Attribute(String, default="", validators=(check_text,), description="What it is for."),
            "assertions": Nested(
                {
                    "allow": _requests("Requests that must be allowed."),
                    "deny": _requests("Requests that must be denied."),
                },
                optional=True,
                description=(
                    "Requests whose decision is asserted: a tool call, or a foreign question of `subject`, `action` "
                    "and `resource`. The registry decides them while planning, beside what lives: one that does not "
                    "hold stops the plan, unless what it lacks may come with this run."
                ),
            ),
        },
        description=(
            "A Cedar document that judges agents, or the users whom they act for. The registry reads it while "
            "planning; what it cannot read stops the plan, with the line."
        ),
        name="Name of the policy.",
    )

    def spec(self, planned: Values) -> Values:
        """Return the body, with each assertion whole."""
        return {**super().spec(planned), "assertions": _whole(planned["assertions"])}

    def values(self, live: Values) -> Values:
        """Return the state; no assertions are none."""
        return {**super().values(live), "assertions": _short(live.get("assertions"))}

    def keep_spelling(self, planned: Values, before: Values) -> None:
        """Keep assertions that mean the same."""
        super().keep_spelling(planned, before)
        given, prior = planned["assertions"], before.get("assertions")
        if given != prior and not contains_unknown(given) and not contains_unknown(prior) and _same(given, prior):
            planned["assertions"] = prior

    def check(self, ctx: PlanContext) -> None:
        """Object to a document that the registry's engine would refuse."""
        planned = ctx.planned
        if planned is None or contains_unknown([planned[name] for name in _TOLD]):
            return
        proposal = {name: planned[name] for name in _TOLD}
        if not contains_unknown(planned["assertions"]):
            proposal["assertions"] = _whole(planned["assertions"])
        for problem in self.run.registry.check_policy(proposal, self._servers(planned["document"])):
            _tell(ctx, problem)

    def _servers(self, document: str) -> list[Values]:
        """The tool servers that a document names, as this run will leave them, as far as that is known."""
        every = self.run.planned_names("tool-servers")
        names = [name for name in every if f'"{name}/' in document or f'"{name}"' in document]
        planned = [(name, self.run.planned("tool-servers", name)) for name in names]
        fields = ("url", "tools", "description")
        return [
            {"name": name, **{field: server[field] for field in fields}}
            for name, server in planned
            if server is not None and not contains_unknown([server[field] for field in fields])
        ]


def _tell_broken(ctx: PlanContext, problem: Mapping[str, Any]) -> None:
    detail = f"{plain(problem.get('path', ''))}: {plain(problem.get('message', ''))}"
    if problem.get("unknown"):
        ctx.warn("Assertion does not hold yet", f"{detail}. It may, once this run is applied.", ("assertions",))
    else:
        ctx.error("Assertion does not hold", detail, ("assertions",))


def _tell(ctx: PlanContext, problem: Mapping[str, Any]) -> None:
    if str(problem.get("path", "")).startswith("assertions."):
        _tell_broken(ctx, problem)
        return
    said = plain(problem.get("message", ""))
    path = "schema" if problem.get("path") == "schema" else "document"
    detail = f"line {plain(problem.get('line', ''))}, column {plain(problem.get('column', ''))} of the {path}: {said}"
    if problem.get("unknown") and _SUGGESTION not in said:
        advice = "If this run creates it, name the tool server in depends_on. Otherwise apply will fail."
        ctx.warn("Policy about an unknown tool", f"{detail}. {advice}", ("document",))
    else:
        ctx.error("Policy refused", detail, (path,))


def _whole(assertions: Values | None) -> Values:
    given = assertions or {}
    return {
        side: [
            {name: value if value is not None or name not in _TEXTS else "{}" for name, value in one.items()}
            for one in given.get(side) or ()
        ]
        for side in _SIDES
    }


def _short(live: Values | None) -> Values | None:
    found = {
        side: [
            {name: None if name in _TEXTS and value == "{}" else value for name, value in one.items()}
            for one in (live or {}).get(side, ())
        ]
        for side in _SIDES
    }
    return {side: found[side] or None for side in _SIDES} if any(found.values()) else None


def _same(one: Values | None, other: Values | None) -> bool:
    """True if both assert the same, in any order."""
    ours, theirs = _whole(one), _whole(other)
    return all(sorted(map(_canonical, ours[side])) == sorted(map(_canonical, theirs[side])) for side in _SIDES)


def _canonical(request: Values) -> str:
    import json  # noqa: PLC0415 -- only policies whose assertions look different come here

    parsed = {name: json.loads(request[name]) for name in _TEXTS}
    return json.dumps({**request, **parsed}, sort_keys=True)

"""`leasehold_workload_binding`: which subject token may become which agent, or take which platform role."""

from __future__ import annotations

from .names import check_name, each, one_of
from .protocol import Attribute, Bool, Diagnostic, Set, String, is_unknown
from .references import check_reference
from .registry_resource import RegistryResource, named
from .subjects import SUBJECTS, check_subject, claims_block, subject_blocks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from .protocol import PlanContext

    Values = dict[str, Any]

_ROLES = ("viewer", "developer", "approver", "security-admin", "auditor", "enforcer")


def _name(description: str) -> Attribute:
    return Attribute(String, optional=True, validators=(check_name,), description=description)


class WorkloadBinding(RegistryResource):
    """Pins a subject exactly; a pin takes no wildcard."""

    type_name = "leasehold_workload_binding"
    kind = "workload-bindings"
    schema = named(
        {
            "trust_issuer": Attribute(
                String, required=True, validators=(check_name,), description="Name of the trust issuer."
            ),
            "agent": _name("Agent that the subject may become. Exactly one of `agent` and `role`."),
            "deployment": _name("Deployment that the agent's leases hang on; by default the agent's only live one."),
            "role": Attribute(
                String,
                optional=True,
                validators=(one_of(*_ROLES),),
                description="Platform role that the subject may take. Exactly one of `agent` and `role`.",
            ),
            "teams": Attribute(
                Set(String),
                default=[],
                validators=(each(check_name),),
                description="Teams that the role `developer`, and no other, is limited to.",
            ),
            "stack": _name("Stack that a platform role may write, and no other."),
            "may_admit": Attribute(
                Bool,
                default=False,
                description="Lets a security-admin of one stack admit developers, viewers and auditors beyond it: "
                "for the platform's own pipeline. Only an identity without a stack, or one that has it, sets it.",
            ),
            **subject_blocks(),
            "claims": claims_block(),
        },
        description="Which subject token may become which agent, or take which platform role (for one stack, in CI).",
        name="Name of the binding.",
    )

    def validate(self, config: Values) -> Iterable[Diagnostic]:
        """Check what may stand beside what."""
        given = {name: value for name, value in config.items() if value is not None}
        yield from _exactly_one(given, ("agent", "role"))
        yield from _exactly_one(given, SUBJECTS)
        if "role" not in given and "agent" in given:
            for name in ("teams", "stack"):
                if given.get(name):
                    yield Diagnostic.error(
                        "Out of place", f"{name} belongs to a platform role, not to an agent", (name,)
                    )
        if "agent" not in given and "deployment" in given:
            yield Diagnostic.error(
                "Out of place", "deployment belongs to an agent, not to a platform role", ("deployment",)
            )
        fits = given.get("role") == "security-admin" and "stack" in given
        if given.get("may_admit") is True and not fits and not is_unknown(given.get("role")):
            detail = "may_admit belongs to role security-admin with a stack"
            yield Diagnostic.error("Out of place", detail, ("may_admit",))
        yield from _check_teams(given)
        yield from check_subject(given)

    def check(self, ctx: PlanContext) -> None:
        """Object to references that do not live."""
        planned = ctx.planned
        if planned is not None:
            check_reference(ctx, self.run, "trust-issuers", planned["trust_issuer"], ("trust_issuer",))
            check_reference(ctx, self.run, "agents", planned["agent"], ("agent",))
            check_reference(ctx, self.run, "deployments", planned["deployment"], ("deployment",))


def _exactly_one(given: Values, names: tuple[str, ...]) -> Iterator[Diagnostic]:
    """Unknown values may turn out null: then only too many known ones are wrong."""
    known = [name for name in names if name in given and not is_unknown(given[name])]
    open_ended = any(name in given and is_unknown(given[name]) for name in names)
    if len(known) > 1 or not (known or open_ended):
        listed = f"{', '.join(names[:-1])} and {names[-1]}"
        yield Diagnostic.error(
            "Exactly one is needed", f"give exactly one of {listed}", (known[1],) if len(known) > 1 else ()
        )


def _check_teams(given: Values) -> Iterator[Diagnostic]:
    role, teams = given.get("role"), given.get("teams")
    if is_unknown(role) or is_unknown(teams) or role is None:
        return
    if (role == "developer") != bool(teams):
        detail = "role developer, and no other role, names the teams it is limited to"
        yield Diagnostic.error("Teams and role do not fit", detail, ("teams",) if teams else ("role",))

"""`leasehold_workload_binding`: which subject token may become which agent, or take which platform role."""

from __future__ import annotations

from .names import check_digits, check_exact, check_name, each, one_of
from .protocol import Attribute, Diagnostic, Nested, Set, String, is_unknown
from .references import check_reference
from .registry_resource import RegistryResource, named

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from .protocol import PlanContext

    Values = dict[str, Any]

_SUBJECTS = ("kubernetes", "github_actions", "oidc")
_ROLES = ("viewer", "developer", "approver", "security-admin", "auditor")


def _pin(description: str, *, required: bool = False) -> Attribute:
    return Attribute(
        String, required=required, optional=not required, validators=(check_exact,), description=description
    )


def _id(description: str) -> Attribute:
    return Attribute(String, required=True, validators=(check_digits,), description=description)


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
            "kubernetes": Nested(
                {
                    "namespace": _pin("Namespace of the service account.", required=True),
                    "service_account": _pin("Name of the service account.", required=True),
                    "service_account_uid": _pin("Its uid, which tells a re-created account of the same name apart."),
                },
                optional=True,
                description="A Kubernetes service account. Exactly one of `kubernetes`, `github_actions` and `oidc`.",
            ),
            "github_actions": Nested(
                {
                    "repository_id": _id("GitHub's numeric id of the repository, which a rename does not move."),
                    "repository_owner_id": _id("GitHub's numeric id of the repository's owner."),
                    "job_workflow_ref": _pin(
                        "Workflow file and ref, such as `acme/web/.github/workflows/deploy.yml@refs/heads/main`."
                    ),
                    "environment": _pin("Deployment environment of the job."),
                    "ref": _pin("Git ref of the run, such as `refs/heads/main`."),
                },
                optional=True,
                description="A GitHub Actions job; pin at least one of workflow, environment and ref.",
            ),
            "oidc": Nested(
                {"subject": _pin("The exact `sub`.", required=True)},
                optional=True,
                description="Any other OpenID Connect subject.",
            ),
        },
        description="Which subject token may become which agent, or take which platform role (for one stack, in CI).",
        name="Name of the binding.",
    )

    def validate(self, config: Values) -> Iterable[Diagnostic]:
        """Check what may stand beside what."""
        given = {name: value for name, value in config.items() if value is not None}
        yield from _exactly_one(given, ("agent", "role"))
        yield from _exactly_one(given, _SUBJECTS)
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
        yield from _check_teams(given)
        yield from _check_pins(given.get("github_actions"))

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


def _check_pins(subject: object) -> Iterator[Diagnostic]:
    if isinstance(subject, dict) and all(subject[pin] is None for pin in ("job_workflow_ref", "environment", "ref")):
        detail = "pin at least one of job_workflow_ref, environment and ref"
        yield Diagnostic.error("Subject not pinned", detail, ("github_actions",))

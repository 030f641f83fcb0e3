"""`leasehold_credential_profile`: what of another system an agent may be handed, and how narrow it is cut there."""

from __future__ import annotations

from .names import at_least_one, between, check_name, check_text, check_url, each, one_of
from .protocol import Attribute, Diagnostic, Map, Nested, Number, Set, String, is_unknown
from .references import check_reference
from .registry_resource import RegistryResource, named
from .secret_names import check_secret_names, secret_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from .protocol import PlanContext

    Values = dict[str, Any]

_TARGETS = ("aws", "postgresql", "github_app", "federation")
_PRIVILEGES = ("select", "insert", "update", "delete")
_TTL = (60, 300, "seconds")


def check_number(value: str) -> str | None:
    """Complain about what is none of GitHub's numeric ids."""
    return None if value.isascii() and value.isdecimal() else "must be GitHub's numeric id, as a string"


def check_role_arn(value: str) -> str | None:
    """Complain about what is not the ARN of an IAM role."""
    parts = value.split(":", 5)
    fits = len(parts) == 6 and parts[0] == "arn" and parts[2] == "iam" and parts[5].startswith("role/")  # noqa: PLR2004
    return None if fits else "must read arn:aws:iam::<account>:role/<name>"


def check_policy(text: str) -> str | None:
    """Complain unless the text is an IAM policy as JSON."""
    import json  # noqa: PLC0415 -- few profiles have one

    try:
        policy = json.loads(text)
    except (ValueError, RecursionError):
        policy = None
    fits = isinstance(policy, dict) and policy.get("Statement")
    return None if fits else "must be an IAM policy with a Statement, as JSON text"


def check_permissions(permissions: Values) -> str | None:
    """Complain about permissions that are none: left out, GitHub would grant all there are."""
    check = one_of("read", "write")
    complaints = (check(access) for access in permissions.values() if not is_unknown(access))
    return next((c for c in complaints if c), None) if permissions else at_least_one(())


_AWS = Nested(
    {
        "role_arn": Attribute(
            String, required=True, validators=(check_role_arn,), description="ARN of the IAM role to assume."
        ),
        "region": Attribute(String, required=True, description="Region whose STS is asked, such as `eu-central-1`."),
        "mode": Attribute(
            String,
            default="assume-role",
            validators=(one_of("assume-role", "web-identity"),),
            description="`assume-role` as the server itself, or `web-identity` with a token of our issuer.",
        ),
        "session_policy": Attribute(
            String,
            optional=True,
            validators=(check_policy,),
            description="IAM policy as JSON that narrows the session below the role.",
        ),
        "duration": Attribute(
            Number,
            default=900,
            validators=(between(900, 3600, "seconds"),),
            description="Seconds to ask for at most, 900 to 3600. STS issues nothing under 900, whatever the lease.",
        ),
        "tags": Attribute(Map(String), default={}, description="Session tags, beside those that name the lease."),
        "on_revoke": Attribute(
            String,
            default="expire",
            validators=(one_of("expire", "deny-session"),),
            description="`expire`: it lives until its expiry. `deny-session`: a policy on the role denies it at once.",
        ),
        "endpoint_url": Attribute(
            String, optional=True, validators=(check_url,), description="Address in place of AWS's own, for tests."
        ),
    },
    optional=True,
    description="A session of an IAM role. Exactly one of `aws`, `postgresql`, `github_app` and `federation`.",
)
_POSTGRESQL = Nested(
    {
        "dsn": secret_name(
            "Name of the server's secret with the administrator's connection string; never the string.", required=True
        ),
        "roles": Attribute(Set(String), default=[], description="Roles that the login inherits."),
        "schema": Attribute(String, optional=True, description="Schema of the privileges, and its search path."),
        "privileges": Attribute(
            Set(String),
            default=[],
            validators=(each(one_of(*_PRIVILEGES)),),
            description="`select`, `insert`, `update` and `delete` on the schema's tables.",
        ),
    },
    optional=True,
    description="A login of its own per lease. It goes with the lease, and its sessions with it.",
)
_GITHUB_APP = Nested(
    {
        "app_id": Attribute(String, required=True, validators=(check_number,), description="The app's numeric id."),
        "installation_id": Attribute(
            String, required=True, validators=(check_number,), description="The installation's numeric id."
        ),
        "repositories": Attribute(
            Set(String),
            required=True,
            validators=(at_least_one,),
            description="Repositories that the token reaches, without their owner.",
        ),
        "permissions": Attribute(
            Map(String),
            required=True,
            validators=(check_permissions,),
            description="Permissions of the token, each `read` or `write`.",
        ),
        "private_key": secret_name(
            "Name of the server's secret with the app's private key; never the key.", required=True
        ),
        "api_url": Attribute(
            String, default="https://api.github.com", validators=(check_url,), description="Address of GitHub's API."
        ),
    },
    optional=True,
    description="A token of a GitHub App's installation. It is deleted with the lease.",
)
_FEDERATION = Nested(
    {
        "audience": Attribute(String, required=True, description="Audience of the token."),
        "token_ttl": Attribute(
            Number, default=300, validators=(between(*_TTL),), description="Seconds that the token lives, 60 to 300."
        ),
    },
    optional=True,
    description="A token of our own issuer, for Google, Azure, Vault or whoever else trusts it.",
)


class CredentialProfile(RegistryResource):
    """Holds no secret: where one is needed it names a setting of the server."""

    type_name = "leasehold_credential_profile"
    kind = "credential-profiles"
    schema = named(
        {
            "agents": Attribute(
                Set(String),
                required=True,
                validators=(each(check_name),),
                description="Agents that may draw such credentials, and no others.",
            ),
            "aws": _AWS,
            "postgresql": _POSTGRESQL,
            "github_app": _GITHUB_APP,
            "federation": _FEDERATION,
            "max_ttl": Attribute(
                Number, default=300, validators=(between(*_TTL),), description="Longest life in seconds, 60 to 300."
            ),
            "description": Attribute(
                String, default="", validators=(check_text,), description="What the credentials are for."
            ),
        },
        description=(
            "What of another system agents may be handed, bound to a lease and killed with it. The credentials "
            "themselves never pass through Terraform: the running agent draws them from the registry."
        ),
        name="Name of the profile.",
    )

    def validate(self, config: Values) -> Iterable[Diagnostic]:
        """Check that it is for one system, and that what names a secret is not the secret."""
        yield from check_secret_names(config, ("postgresql", "dsn"), ("github_app", "private_key"))
        given = [name for name in _TARGETS if config[name] is not None]
        known = [name for name in given if not is_unknown(config[name])]
        if len(known) > 1 or not given:
            yield Diagnostic.error(
                "Exactly one is needed",
                "give exactly one of aws, postgresql, github_app and federation",
                (known[1],) if len(known) > 1 else (),
            )

    def check(self, ctx: PlanContext) -> None:
        """Object to agents that do not live."""
        planned = ctx.planned
        if planned is not None and not is_unknown(planned["agents"]):
            for agent in planned["agents"]:
                check_reference(ctx, self.run, "agents", agent, ("agents",))

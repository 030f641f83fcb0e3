"""Everything that `leasehold/leasehold` offers to Terraform, and how it is configured."""

from __future__ import annotations

import os

from .agent import Agent
from .agent_grants_exclusive import AgentGrantsExclusive
from .ceiling import Ceiling
from .credential import Credential
from .credential_profile import CredentialProfile
from .deployment import Deployment
from .drift_exception import DriftException
from .effective_access import EffectiveAccess
from .functions import FUNCTIONS
from .gate import Gate
from .grant import Grant
from .listing import GrantListing, Listing, RelationListing
from .names import check_name
from .owner import Owner
from .policy import Policy
from .protocol import Attribute, Provider, Schema, String, is_unknown
from .relation import Relation
from .resource import Resource
from .run import Run
from .scope import Scope
from .stopping import Stopping
from .tool_pin import ToolPin
from .tool_server import ToolServer
from .trust_issuer import TrustIssuer
from .unmanaged_grants import UnmanagedGrants
from .user import User
from .workload_binding import WorkloadBinding

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from .protocol import ConfigureContext

ADDRESS = "registry.terraform.io/leasehold/leasehold"


def _setting(description: str, **behaviour: object) -> Attribute:
    return Attribute(String, optional=True, description=description, **behaviour)


class LeaseholdProvider(Provider):
    """One process serves one walk of Terraform with one identity."""

    schema = Schema(
        {
            "endpoint": _setting(
                "Address of the registry, such as `https://leasehold.example.com`. Plain http is accepted on loopback "
                "alone. Environment: `LEASEHOLD_ENDPOINT`."
            ),
            "stack": _setting(
                "Stack that this configuration manages. Environment: `LEASEHOLD_STACK`.", validators=(check_name,)
            ),
            "oidc_token_file": _setting(
                "File with the OpenID Connect token that proves who runs Terraform; read anew when needed. "
                "Environment: `LEASEHOLD_OIDC_TOKEN_FILE`."
            ),
            "oidc_audience": _setting(
                "Audience to ask GitHub Actions for; by default the endpoint. Environment: `LEASEHOLD_OIDC_AUDIENCE`."
            ),
            "receipt_file": _setting(
                "File with the receipt of a reviewed plan, which every write shows; where the registry's rules ask for "
                "one, what was not reviewed so is refused. Environment: `LEASEHOLD_RECEIPT_FILE`."
            ),
            "base_file": _setting(
                "File with what the base branch declares, as `leasehold review --save-base` wrote it: `leasehold_gate` "
                "has the plan compared with it, too. Environment: `LEASEHOLD_BASE_FILE`."
            ),
            "ca_file": _setting(
                "File with the certificate authorities to trust, as PEM; by default the system's. "
                "Environment: `LEASEHOLD_CA_FILE`."
            ),
        },
        description=(
            "Declares AI agents, their owners, tool servers, scopes, ceilings and grants. It holds no key: the OpenID "
            "Connect token that a pipeline already has is traded for a registry token that ends with the run."
        ),
    )

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        self._environ = os.environ if environ is None else environ
        self._stopping = Stopping()
        self.run = run = Run()
        owner, agent, server, scope, grant = Owner(run), Agent(run), ToolServer(run), Scope(run), Grant(run)
        policy, user, thing, relation = Policy(run), User(run), Resource(run), Relation(run)
        kinds = (
            owner,
            agent,
            TrustIssuer(run),
            WorkloadBinding(run),
            server,
            ToolPin(run),
            scope,
            Ceiling(run),
            grant,
            AgentGrantsExclusive(run),
            Deployment(run),
            CredentialProfile(run),
            policy,
            user,
            thing,
            relation,
            DriftException(run),
        )
        self.resources = (*kinds, Gate(run, kinds))
        self.data_sources = (EffectiveAccess(run), UnmanagedGrants(run))
        self.ephemeral_resources = (Credential(run),)
        self.functions = FUNCTIONS
        self.list_resources = (
            *(Listing(run, item) for item in (owner, agent, server, scope, policy, user, thing)),
            GrantListing(run, grant),
            RelationListing(run, relation),
        )

    def configure(self, ctx: ConfigureContext) -> None:
        """Find the registry and get a token: one clear error here instead of one per resource later."""
        if any(map(is_unknown, ctx.config.values())):
            self.run.start(None)
            return
        from .connecting import connect  # noqa: PLC0415 -- HTTP and TLS take tens of milliseconds to import

        self.run.start(connect(ctx.config, self._environ, self._stopping.sleep))

    def stop(self) -> None:
        """Ask no more: what is being sent now is finished."""
        self._stopping.stop()

    def close(self) -> None:
        """Give back the registry token."""
        self.run.close()

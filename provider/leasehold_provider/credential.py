"""`ephemeral.leasehold_credential`: a token of an agent for one tool server, that ends with the run.

Open exchanges, renew exchanges again, close revokes every lease. Private state holds lease ids, never a token; the
tokens stay in memory, for callers who may revoke by possession only.
"""

from __future__ import annotations

from .names import check_name
from .problems import Problem, plain
from .protocol import Attribute, Bool, DiagnosticError, EphemeralResource, Schema, Set, String
from .token_file import remove_token_file, write_token_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any

    from .possession import Possession
    from .protocol import CloseContext, OpenContext, RenewContext
    from .run import Run
    from .session import Issued

    Values = dict[str, Any]

_RENEW_AT = 0.7
_MAY_NOT = (403, 404)


class Credential(EphemeralResource):
    """The workload's identity, traded for the agent's token at one server."""

    type_name = "leasehold_credential"
    schema = Schema(
        {
            "agent": Attribute(String, required=True, validators=(check_name,), description="Name of the agent."),
            "tool_server": Attribute(
                String,
                required=True,
                validators=(check_name,),
                description="Name of the tool server that the token is for.",
            ),
            "scopes": Attribute(
                Set(String),
                optional=True,
                description="Narrow the token to these, as `mcp:tool:<tool>:<action>`; by default all that is granted.",
            ),
            "deployment": Attribute(
                String,
                optional=True,
                description=(
                    "Set it to `leasehold_deployment.<label>.id`: Terraform then opens the credential once it "
                    "lives, not while planning its creation."
                ),
            ),
            "token_file": Attribute(
                String,
                optional=True,
                description="File that always holds the newest token, mode 0600, for long applies. Removed at the end.",
            ),
            "key_file": Attribute(
                String,
                optional=True,
                description=(
                    "Bind the token to a key (DPoP), and keep that here as long as the token lives: EC P-256, PEM, "
                    "mode 0600, removed at the end. Needed where the agent, or a ceiling above it, has "
                    '`dpop = "required"`. `leasehold token proof --dpop-key` makes the proofs.'
                ),
            ),
            "access_token": Attribute(
                String, computed=True, sensitive=True, description="The token; null if not available."
            ),
            "expires_at": Attribute(String, computed=True, description="When the token ends, as an RFC 3339 time."),
            "scope": Attribute(String, computed=True, description="What the token allows, separated by spaces."),
            "lease": Attribute(String, computed=True, description="Id of the lease; revoking it ends the token."),
            "available": Attribute(
                Bool,
                computed=True,
                description="False if this run may not have a token, such as a plan of a pull request.",
            ),
        },
        description=(
            "A short-lived token of an agent for one tool server. It is never stored, is renewed while Terraform runs, "
            "and is revoked when the run ends, even if Terraform fails or is killed."
        ),
    )

    def __init__(self, run: Run) -> None:
        self.run = run
        self._tokens: dict[str, str] = {}
        self._possessions: dict[str, Possession] = {}

    def open(self, ctx: OpenContext) -> tuple[Values, datetime | None]:
        """Exchange, unless this run may not mint or there is nothing to mint for yet."""
        config, registry = ctx.config, self.run.registry
        server = registry.live.find("tool-servers", config["tool_server"])
        missing = self._missing(config, server)
        if server is None or missing is not None:
            ctx.warn(f"No credential for agent `{plain(config['agent'])}`", f"{missing} The credential opens empty.")
            return self._empty(config), None
        wanted = {"agent": config["agent"], "resource": server["url"], "scopes": config["scopes"] or []}
        ctx.private.update(wanted=wanted, leases=[], token_file=config["token_file"], key_file=config["key_file"])
        issued = self._exchange(ctx.private)
        values = {**config, **_result(issued), "available": True}
        return values, _from_now(issued.lifetime * _RENEW_AT)

    def _missing(self, config: Values, server: Values | None) -> str | None:
        """Say why there can be no token now; None if there can be one."""
        if self.run.registry.session.plan_only:
            return "This run's identity may read and plan, not mint: it is that of a pull request."
        if server is None:
            return f"Tool server `{plain(config['tool_server'])}` does not live yet."
        if self.run.registry.live.find("agents", config["agent"]) is None:
            return "The agent does not live yet."
        return None

    def _empty(self, config: Values) -> Values:
        return {**config, "access_token": None, "expires_at": None, "scope": None, "lease": None, "available": False}

    def _exchange(self, private: Values) -> Issued:
        from .session import ExchangeRefused  # noqa: PLC0415 -- HTTP, which a validation does without

        wanted, key_file = private["wanted"], private["key_file"]
        possession = self._possession(private) if key_file else None
        try:
            issued = self.run.registry.exchange(wanted["agent"], wanted["resource"], wanted["scopes"], possession)
        except ExchangeRefused as refused:
            if refused.error == "invalid_dpop_proof" and possession is None:
                raise refused.but("Set key_file: this agent's tokens are bound to a key.") from None
            raise
        if not isinstance(issued.lease, str):
            self.run.registry.revoke_token(issued.token)
            raise DiagnosticError("Cannot get a credential", "the registry's answer names no lease to revoke it by")
        private["leases"] = [*private["leases"], issued.lease]
        self._tokens[issued.lease] = issued.token
        if possession is not None:
            self._possessions[private["leases"][0]] = possession
            write_token_file(key_file, possession.key.pem().decode("ascii"), "key_file")
        if private["token_file"]:
            write_token_file(private["token_file"], issued.token)
        return issued

    def _possession(self, private: Values) -> Possession:
        """The key of one credential: drawn when it opens, the same for every renewal."""
        first = private["leases"][0] if private["leases"] else None
        known = self._possessions.get(first) if first is not None else None
        return known or self.run.registry.session.another_possession()

    def renew(self, ctx: RenewContext) -> datetime | None:
        """Exchange again; the earlier token stays good for those who still use it."""
        return _from_now(self._exchange(ctx.private).lifetime * _RENEW_AT)

    def close(self, ctx: CloseContext) -> None:
        """Revoke every lease; one that nobody confirmed is told, and ends by itself within minutes."""
        for file in ("token_file", "key_file"):
            if ctx.private.get(file):
                remove_token_file(ctx.private[file])
        for lease in ctx.private.get("leases", ()):
            self._revoke(lease)

    def _revoke(self, lease: str) -> None:
        registry, token = self.run.registry, self._tokens.pop(lease, None)
        self._possessions.pop(lease, None)
        try:
            registry.revoke_lease(lease)
        except Problem as refused:
            if refused.status not in _MAY_NOT or token is None or not registry.revoke_token(token):
                raise


def _result(issued: Issued) -> Values:
    ends = _from_now(issued.lifetime)
    return {
        "access_token": issued.token,
        "expires_at": ends.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "scope": issued.scope,
        "lease": issued.lease,
    }


def _from_now(seconds: float) -> datetime:
    from datetime import datetime, timedelta, timezone  # noqa: PLC0415 -- few runs open credentials

    return datetime.now(timezone.utc) + timedelta(seconds=seconds)  # noqa: UP017 -- for Python 3.9

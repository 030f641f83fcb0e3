"""`leasehold_agent`: a registered principal that is neither a person nor a service account."""

from __future__ import annotations

from .names import between, check_name, check_text, check_url, each, one_of, optional
from .protocol import Attribute, Bool, Number, Set, String, is_unknown
from .references import check_reference
from .registry_resource import RegistryResource, named
from .times import check_day
from .trust_issuer import check_jwks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .protocol import PlanContext

TTL_MIN_SECONDS, TTL_MAX_SECONDS = 60, 300
check_ttl = between(TTL_MIN_SECONDS, TTL_MAX_SECONDS, "seconds")


_CLIENT_ID_LIMIT = 512


def check_client_id(value: str) -> str | None:
    """Complain unless a client metadata document may live there."""
    _, _, path = value.removeprefix("https://").partition("/")
    odd = {".", ".."} & set(path.split("/")) or "%" in path or not path.strip("/")
    if not value.startswith("https://") or len(value) > _CLIENT_ID_LIMIT or odd:
        return f"must be an https URL with a plain path, at most {_CLIENT_ID_LIMIT} characters"
    return check_url(value)


class Agent(RegistryResource):
    """What an agent may do is declared beside it, in grants."""

    type_name = "leasehold_agent"
    kind = "agents"
    documents = ("client_jwks",)
    schema = named(
        {
            "owner": Attribute(
                String, required=True, validators=(check_name,), description="Name of the owner who answers for it."
            ),
            "review_by": Attribute(
                String,
                required=True,
                validators=(check_day,),
                description="Day, as YYYY-MM-DD, to confirm by that the agent is still wanted.",
            ),
            "description": Attribute(
                String, default="", validators=(check_text,), description="What the agent is for."
            ),
            "environment": Attribute(
                String,
                default="",
                validators=(optional(check_name),),
                description="Environment such as `prod`; ceilings of the environment apply to the agent.",
            ),
            "state": Attribute(
                String,
                default="active",
                validators=(one_of("active", "suspended"),),
                description="`active` or `suspended`; a suspended agent gets no token and loses those it has.",
            ),
            "max_ttl": Attribute(
                Number,
                default=TTL_MAX_SECONDS,
                validators=(check_ttl,),
                description="Longest life of its tokens, in seconds (60 to 300).",
            ),
            "client_jwks": Attribute(
                String,
                optional=True,
                validators=(check_jwks,),
                description="Public keys that it proves itself with, as the JSON text of a JWK set.",
            ),
            "client_jwks_uri": Attribute(String, optional=True, description="Or the https URL of that JWK set."),
            "client_secret_allowed": Attribute(
                Bool,
                default=False,
                description="Whether a generated, expiring client secret may stand in for a key. Better leave it off.",
            ),
            "redirect_uris": Attribute(
                Set(String),
                default=[],
                description="Where people who consented to act through it come back to, compared to the letter.",
            ),
            "client_ids": Attribute(
                Set(String),
                default=[],
                validators=(each(check_client_id),),
                description="Addresses (https) of client metadata documents that describe further clients of it.",
            ),
            "dynamic_clients": Attribute(
                Number,
                default=0,
                validators=(between(0, 20, "clients"),),
                description="How many clients may register themselves for it, each let in by a token (0 to 20).",
            ),
            "public_clients": Attribute(
                Bool,
                default=False,
                description=(
                    "Whether clients without authentication, such as programs on people's computers, may act through "
                    "it for people who log in and consent each time. The server has to serve such clients at all."
                ),
            ),
            "dpop": Attribute(
                String,
                default="off",
                validators=(one_of("off", "required"),),
                description="`required` binds every token of it to a key that only the workload has (RFC 9449).",
            ),
            "may_delegate_to": Attribute(
                Set(String),
                default=[],
                validators=(each(check_name),),
                description="Agents that it may hand a part of its authority to, always less than it has itself.",
            ),
            "max_delegation_depth": Attribute(
                Number,
                default=3,
                validators=(between(0, 4, "levels of sub-agents"),),
                description="How many levels of sub-agents may stand below it (0 to 4).",
            ),
        },
        description="An AI agent: a principal with an owner and a day of review. It can do nothing without grants.",
        name="Name of the agent; the client id of its tokens.",
    )

    def check(self, ctx: PlanContext) -> None:
        """Object to an owner and to sub-agents that do not live."""
        planned = ctx.planned
        if planned is None:
            return
        check_reference(ctx, self.run, "owners", planned["owner"], ("owner",))
        for agent in () if is_unknown(planned["may_delegate_to"]) else planned["may_delegate_to"]:
            check_reference(ctx, self.run, "agents", agent, ("may_delegate_to",))

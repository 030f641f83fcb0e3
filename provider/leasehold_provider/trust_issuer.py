"""`leasehold_trust_issuer`: whose subject tokens are accepted as proof."""

from __future__ import annotations

from .names import at_least_one, between, check_exact, check_name, check_url, each, one_of
from .protocol import Attribute, Bool, Diagnostic, Nested, Number, Set, String, is_unknown
from .registry_resource import RegistryResource, named
from .subjects import ISSUER_TYPES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    Values = dict[str, Any]

_DAY_SECONDS = 86_400
_TWO_HOURS_SECONDS = 7_200
_AUDIENCE_LIMIT = 512
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})  # RFC 7518 §6
_ALGORITHMS = (
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
)  # fmt: skip


def check_issuer(value: str) -> str | None:
    """Complain unless an issuer can be called so."""
    return None if value.startswith("spiffe://") and "/" not in value[len("spiffe://") :] else check_url(value)


def check_audience(value: str) -> str | None:
    """Complain about an audience that is empty, too long or not printable."""
    fits = 0 < len(value) <= _AUDIENCE_LIMIT and value.isprintable()
    return None if fits else f"must be 1-{_AUDIENCE_LIMIT} printable characters"


def check_family(values: Iterable[object]) -> str | None:
    """Complain about algorithms for different kinds of key."""
    families = {"RSA" if value[0] in "RP" else value[:2] for value in values if isinstance(value, str) and value}
    return None if len(families) <= 1 else "must be of one family: one issuer signs with one kind of key"


def check_jwks(text: str) -> str | None:
    """Complain unless the text is a JSON Web Key Set of public keys (RFC 7517 §5): the state is no place for others."""
    import json  # noqa: PLC0415 -- few issuers are inline

    try:
        keys = json.loads(text)["keys"]
        private = any(_PRIVATE.intersection(key) for key in keys)
    except (ValueError, TypeError, KeyError, RecursionError):
        return "must be a JSON Web Key Set"
    return "must hold public keys only" if private or not keys else None


class TrustIssuer(RegistryResource):
    """An OpenID Connect issuer: a cluster, GitHub Actions, or any other."""

    type_name = "leasehold_trust_issuer"
    kind = "trust-issuers"
    documents = ("jwks",)
    schema = named(
        {
            "type": Attribute(
                String,
                required=True,
                validators=(one_of(*ISSUER_TYPES),),
                description=f"One of `{'`, `'.join(ISSUER_TYPES)}`; decides what a binding must pin.",
            ),
            "issuer": Attribute(
                String,
                required=True,
                validators=(check_issuer,),
                description="The `iss` of its tokens, compared to the letter; for `aws-sts` the STS endpoint, "
                "for `spiffe` also `spiffe://` and the trust domain.",
            ),
            "audiences": Attribute(
                Set(String),
                required=True,
                validators=(at_least_one, each(check_audience)),
                description="Audiences that its tokens may carry; normally the registry's own address.",
            ),
            "algorithms": Attribute(
                Set(String),
                default=["RS256"],
                validators=(at_least_one, each(one_of(*_ALGORITHMS)), check_family),
                description="Signature algorithms that it uses, all for one kind of key.",
            ),
            "jwks": Attribute(
                String,
                optional=True,
                validators=(check_jwks,),
                description="Public keys as a JSON Web Key Set, inline; for issuers that cannot be asked.",
            ),
            "jwks_uri": Attribute(
                String,
                optional=True,
                validators=(check_url,),
                description="Where its keys are; by default OpenID Connect discovery tells.",
            ),
            "allow_private": Attribute(
                Bool,
                default=False,
                description="Admit loopback, private and link-local addresses, and plain http on loopback.",
            ),
            "single_use": Attribute(Bool, default=False, description="Accept each `jti` once."),
            "max_token_ttl": Attribute(
                Number,
                default=_TWO_HOURS_SECONDS,
                validators=(between(1, _DAY_SECONDS, "seconds"),),
                description="Longest life that a subject token may have, in seconds (1 to 86400).",
            ),
            "verify": Attribute(
                String,
                default="signature",
                validators=(one_of("signature", "token-review"),),
                description="`signature`, or `token-review`: ask the cluster whether a token still counts.",
            ),
            "api_server": Attribute(
                String,
                optional=True,
                validators=(check_url,),
                description="API server to ask, with `token-review`, and to watch, with `watch`.",
            ),
            "credential": Attribute(
                String,
                optional=True,
                validators=(check_name,),
                description="Name of the files `<name>.token` and `<name>.crt` in the registry's folder `clusters`.",
            ),
            "watch": Attribute(
                Set(String),
                default=[],
                validators=(each(one_of("pods", "service-accounts", "deployments")),),
                description="What is watched there: `pods`, `service-accounts`, `deployments`. A lease dies "
                "within milliseconds with the pod and the account that took it, by uid.",
            ),
            "login": Nested(
                {
                    "client_id": Attribute(String, required=True, description="The registry's client there."),
                    "authorization_endpoint": Attribute(
                        String, required=True, validators=(check_url,), description="Where people are sent to log in."
                    ),
                    "token_endpoint": Attribute(
                        String, required=True, validators=(check_url,), description="Where the login is redeemed."
                    ),
                    "scopes": Attribute(
                        Set(String), default=["openid"], description="What the login asks for, `openid` among it."
                    ),
                },
                optional=True,
                description="Lets people log in there, with PKCE and no secret, to have agents act for them.",
            ),
            "id_jag": Attribute(
                Bool,
                default=False,
                description="Take its word that a person lets an agent act for them (identity assertion grants).",
            ),
            "groups_claim": Attribute(
                String,
                optional=True,
                description="The claim that lists the groups of people who come from there, as policies name them: "
                '`group::"<this issuer>/<group>"`.',
            ),
            "reader_role_arn": Attribute(
                String,
                optional=True,
                validators=(check_exact,),
                description="For `aws`: the role in that account as which the registry asks IAM who holds a role's "
                "name (`iam:GetRole`); by default the registry's own AWS identity asks.",
            ),
            "software_statements": Attribute(
                Bool,
                default=False,
                description="Take its word for clients that register themselves (software statements).",
            ),
        },
        description="An issuer whose tokens prove who a workload or a pipeline is.",
        name="Short name that workload bindings refer to.",
    )

    def validate(self, config: Values) -> Iterable[Diagnostic]:
        """Check that a cluster that is to be asked or watched can be."""
        if any(map(is_unknown, config.values())):
            return
        if config["reader_role_arn"] is not None and config["type"] != "aws":
            yield Diagnostic.error("Out of place", "reader_role_arn is for aws alone", ("reader_role_arn",))
        asked = config["verify"] == "token-review" or bool(config["watch"])
        for name in ("api_server", "credential"):
            if asked is (config[name] is None):
                yield Diagnostic.error("Out of place", f"{name} is for token-review and watch", (name,))
        if asked and config["type"] != "kubernetes":
            where = ("watch",) if config["watch"] else ("verify",)
            yield Diagnostic.error("Out of place", "token-review and watch are for kubernetes alone", where)

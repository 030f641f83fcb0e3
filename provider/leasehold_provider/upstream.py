"""How calls prove themselves to a tool server: the attribute `upstream_auth`. No declaration holds a secret."""

from __future__ import annotations

from .names import check_name, check_url
from .protocol import Attribute, Bool, Nested, Set, String, is_unknown
from .secret_names import secret_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Values = dict[str, Any]

_METHODS = ("oauth", "api_key", "basic", "mtls", "aws_sigv4", "credential")
_OAUTH = Nested(
    {
        "issuer": Attribute(
            String,
            optional=True,
            validators=(check_url,),
            description="The authorization server; left out, the first that the tool server names (RFC 9728).",
        ),
        "client_id": Attribute(
            String, optional=True, description="Ours there, if we were registered by hand. It needs `issuer`."
        ),
        "client_secret": secret_name(
            "Name of the server's secret with the client secret; never the secret.", required=False
        ),
        "scopes": Attribute(Set(String), default=[], description="Scopes to ask for."),
        "resource": Attribute(
            String,
            optional=True,
            validators=(check_url,),
            description="Resource indicator (RFC 8707) in place of the tool server's address.",
        ),
        "dynamic_registration": Attribute(
            Bool, default=True, description="Register dynamically where nothing better is offered (RFC 7591)."
        ),
        "allow_private": Attribute(
            Bool, default=False, description="Admit addresses of the network around the registry's server."
        ),
    },
    optional=True,
    description="Access tokens of an authorization server (authorization code, PKCE).",
)
_API_KEY = Nested(
    {
        "header": Attribute(String, default="Authorization", description="Header that the key is sent in."),
        "prefix": Attribute(String, default="Bearer ", description="What stands before the key."),
    },
    optional=True,
    description="A key in a header.",
)
_AWS_SIGV4 = Nested(
    {
        "region": Attribute(String, required=True, description="Region that requests are signed for."),
        "service": Attribute(String, required=True, description="Signing name of the service, as `execute-api`."),
    },
    optional=True,
    description="Requests signed for an AWS service (Signature Version 4).",
)
_CREDENTIAL = Nested(
    {
        "profile": Attribute(
            String,
            required=True,
            validators=(check_name,),
            description="The credential profile, which names the agents.",
        ),
        "service": Attribute(
            String, default="execute-api", description="Signing name of the AWS service, where the profile is of AWS."
        ),
    },
    optional=True,
    description="A credential of a credential profile, drawn for the agent that calls. Nobody connects anything.",
)
UPSTREAM_AUTH = Nested(
    {
        "oauth": _OAUTH,
        "api_key": _API_KEY,
        "basic": Attribute(Bool, default=False, description="A user name and a password."),
        "mtls": Attribute(Bool, default=False, description="A client certificate in the TLS handshake."),
        "aws_sigv4": _AWS_SIGV4,
        "credential": _CREDENTIAL,
        "personal": Attribute(
            Bool, default=True, description="People connect accounts of their own, which come before what is shared."
        ),
        "shared": Attribute(
            Bool, default=True, description="A connection of the organisation may be promoted for an agent."
        ),
    },
    optional=True,
    description=(
        "How calls prove themselves to it: exactly one of `oauth`, `api_key`, `basic`, `mtls`, `aws_sigv4` and "
        "`credential`. Left out, it wants nothing."
    ),
)


def complaint_about(auth: Values) -> str | None:
    """Complain unless exactly one method is given, and somebody may use it; unknown values are let be."""
    given = [name for name in _METHODS if auth[name] not in (None, False)]
    known = [name for name in given if not is_unknown(auth[name])]
    if len(known) > 1 or not given:
        return "give exactly one of oauth, api_key, basic, mtls, aws_sigv4 and credential"
    if auth["personal"] is False and auth["shared"] is False:
        return "personal and shared cannot both be off: no call could ever go out"
    oauth = auth["oauth"]
    if isinstance(oauth, dict) and oauth["client_id"] is not None and oauth["issuer"] is None:
        return "client_id needs the issuer that knows it: it is shown to no other"
    if isinstance(oauth, dict) and oauth["client_secret"] is not None and oauth["client_id"] is None:
        return "client_secret belongs to a client_id"
    return None

"""A verified access token: what it says, and what it allows. Its signature is good; whether it lives is asked apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from leasehold.model.authority.constraints import admits
from leasehold.model.authority.plain import constraints_of
from leasehold.model.errors import InvalidValue
from leasehold.model.leases import lease_node
from leasehold.model.patterns import covers
from leasehold.model.people import TTL_MAX_SECONDS
from leasehold.model.tokens import ACCESS_TOKEN_TYPE, LEEWAY, MAX_TOKEN_BYTES
from leasehold.verify.refusals import Reason, Untrusted
from leasehold.verify.signatures import KeyFinder, read_signed

LEASE_CLAIM = "urn:leasehold:lease"
DETAIL_TYPE = "mcp_tool"
_DETAIL_MEMBERS = frozenset({"type", "locations", "actions", "resources", "constraints"})
_DECISIONS_KEPT = 256
_LEEWAY_SECONDS = LEEWAY.total_seconds()
_TEXT_CLAIMS = ("sub", "client_id", "jti")


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessToken:
    """Times are seconds since the epoch.

    `ancestors`: the nodes that it dies with, its own lease included, and the generations they had at its issue.
    `key_thumbprint`: of the key it is bound to (RFC 9449 §6), if it is.
    """

    subject: str
    client_id: str
    audience: str
    token_id: str
    lease: str
    issued_at: float
    expires_at: float
    ancestors: tuple[tuple[str, int], ...]
    key_thumbprint: str | None
    claims: Mapping[str, object] = field(repr=False)
    decided: dict[tuple[str, str], bool] = field(default_factory=dict, repr=False, compare=False)
    """Which tools on which resources are allowed whatever the arguments. Answers that cannot change."""
    nodes: frozenset[str] = field(init=False, repr=False, compare=False)
    """Those of `ancestors`, without their generations."""
    starts_at: float = field(init=False, repr=False, compare=False)
    """`issued_at` by a clock that runs ahead as far as we allow one."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "nodes", frozenset(node for node, _ in self.ancestors))
        object.__setattr__(self, "starts_at", self.issued_at - _LEEWAY_SECONDS)

    def allows(self, tool: str, resource: str, arguments: Mapping[str, object] | None = None) -> bool:
        """True iff the token names this tool on this resource, here (RFC 9396), and admits the call's arguments.

        Where `arguments` is None, what is bound to certain arguments is not allowed.
        """
        known = self.decided.get((tool, resource))
        always = known if known is not None else self._decide(tool, resource)
        return always or (arguments is not None and self._admits(tool, resource, arguments))

    def _decide(self, tool: str, resource: str) -> bool:
        decided = any("constraints" not in detail for detail in self._details(tool, resource))
        if len(self.decided) >= _DECISIONS_KEPT:
            self.decided.clear()
        self.decided[tool, resource] = decided
        return decided

    def _admits(self, tool: str, resource: str, arguments: Mapping[str, object]) -> bool:
        return any(_admitted(detail["constraints"], arguments) for detail in self._details(tool, resource))

    def _details(self, tool: str, resource: str) -> list[Mapping[str, object]]:
        """The details that name the tool and the resource."""
        details = self.claims.get("authorization_details")
        return [one for one in details if self._names(one, tool, resource)] if isinstance(details, list) else []

    def _names(self, detail: object, tool: str, resource: str) -> bool:
        # A member that we do not know may narrow what the others allow: such a detail allows nothing.
        if not isinstance(detail, dict) or detail.get("type") != DETAIL_TYPE or not detail.keys() <= _DETAIL_MEMBERS:
            return False
        return (
            self.audience in _texts(detail.get("locations"))
            and any(covers(action, tool) for action in _texts(detail.get("actions")))
            and any(covers(pattern, resource) for pattern in _texts(detail.get("resources")))
        )


@dataclass(frozen=True, slots=True)
class TokenReader:
    """Reads access tokens of one issuer for one audience."""

    issuer: str
    audience: str
    keys: KeyFinder

    def read(self, token: str) -> AccessToken:
        """A token that is signed and well-formed; times are not looked at (RFC 9068 §4). Raises `Untrusted`."""
        return _read(token, self.issuer, self.audience, self.keys)


def _read(token: str, issuer: str, audience: str, keys: KeyFinder) -> AccessToken:
    if len(token) > MAX_TOKEN_BYTES:
        raise Untrusted(Reason.MALFORMED)
    claims = read_signed(token, ACCESS_TOKEN_TYPE, keys)
    if claims.get("iss") != issuer:
        raise Untrusted(Reason.WRONG_ISSUER)
    if claims.get("aud") != audience:  # one audience, as text: whoever else could use the token could replay it here
        raise Untrusted(Reason.WRONG_AUDIENCE)
    subject, client_id, token_id = (_text(claims.get(name)) for name in _TEXT_CLAIMS)
    issued_at, expires_at = _times(claims)
    lease, ancestors = _lease(claims.get(LEASE_CLAIM))
    return AccessToken(
        subject=subject,
        client_id=client_id,
        audience=audience,
        token_id=token_id,
        lease=lease,
        issued_at=issued_at,
        expires_at=expires_at,
        ancestors=ancestors,
        key_thumbprint=_key_thumbprint(claims),
        claims=claims,
    )


def _admitted(constraints: object, arguments: Mapping[str, object]) -> bool:
    try:
        read = constraints_of(constraints)
    except InvalidValue:  # an operator that we do not know
        return False
    return all(name in arguments and admits(constraint, arguments[name]) for name, constraint in read)


def _times(claims: Mapping[str, object]) -> tuple[float, float]:
    issued_at, expires_at = _number(claims.get("iat")), _number(claims.get("exp"))
    starts_at = max(issued_at, _number(claims.get("nbf", issued_at)))
    if expires_at - issued_at > TTL_MAX_SECONDS:
        raise Untrusted(Reason.BAD_CLAIM)
    return starts_at, expires_at


def _lease(claim: object) -> tuple[str, tuple[tuple[str, int], ...]]:
    ancestors = claim.get("anc") if isinstance(claim, dict) else None
    if not isinstance(claim, dict) or not isinstance(ancestors, list) or not ancestors:
        raise Untrusted(Reason.BAD_CLAIM)
    lease = _text(claim.get("id"))
    own = (str(lease_node(lease)), 0)  # it has a row, and with it a generation, only once it is ended
    return lease, (own, *(_ancestor(ancestor) for ancestor in ancestors))


def _ancestor(value: object) -> tuple[str, int]:
    match value:
        case [str(node), int(generation)] if not isinstance(generation, bool):
            return node, generation
        case _:
            raise Untrusted(Reason.BAD_CLAIM)


def _key_thumbprint(claims: Mapping[str, object]) -> str | None:
    if "cnf" not in claims:
        return None
    confirmation = claims["cnf"]
    if not isinstance(confirmation, dict) or confirmation.keys() != {"jkt"}:  # a way of proof that we cannot check
        raise Untrusted(Reason.UNPROVEN)
    return _text(confirmation["jkt"])


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise Untrusted(Reason.BAD_CLAIM)
    return value


def _texts(value: object) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):  # `True` is an int to Python and no date
        raise Untrusted(Reason.BAD_CLAIM)
    return float(value)

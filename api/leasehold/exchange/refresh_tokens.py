"""Refresh tokens of public clients (RFC 6749 §6, RFC 9700 §4.14): one use each, and what comes twice ends all of it.

A family begins with a code and hangs on the first lease that the code brought. Of its tokens one is good: a row under
its hash, which goes in the transaction that writes the next. What a token says of itself is under a MAC, so that one
that was used before is told from one that somebody made up.
"""

from __future__ import annotations

import hmac
import json
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from leasehold.model.consents import Pending, Stage, digest_of, issuer_of_user
from leasehold.model.leases import REGISTRY, Ancestor, Node, stands_for
from leasehold.model.trust import TrustIssuer
from leasehold.policy.leasing import LeasePermit

REFRESH_PREFIX = "lhf_"  # what secret scanners look for
FAMILY_FOR = timedelta(hours=8)
FAMILY_WITH_GROUPS_FOR = timedelta(hours=1)  # groups are those of a login (0039), and go stale with it
_MAC_BYTES = 16
# A new deployment ends tokens, and brings a new one to who asks; of these nodes each ends whoever could ask.
_STANDS_ON = ("owner:", "agent:", "client:", "user:", "consent:")


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewal:
    """The family of a refresh token. `root` is the id of its first lease, `scopes` all that it can bring.

    `claim` is where its login found groups, empty where none are read. `stands` are the generations at its beginning,
    None while it begins; `key` is the thumbprint that it is bound to, empty for none; `spent` is the digest of the
    token that is used up now.
    """

    root: str
    until: datetime
    scopes: frozenset[str]
    claim: str = ""
    key: str = ""
    stands: str | None = None
    spent: str | None = None


@dataclass(frozen=True, slots=True)
class NewRefreshToken:
    """A refresh token, this once, and what is kept of it."""

    token: str = field(repr=False)
    kept: Pending


class RefreshTokens:
    """Makes them and tells them apart. Replicas share `key`."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def family(self, root: str, scopes: frozenset[str], claim: str, now: datetime) -> Renewal:
        """A family of which no token is made yet."""
        lives = FAMILY_WITH_GROUPS_FOR if claim else FAMILY_FOR
        return Renewal(root=root, until=now.replace(microsecond=0) + lives, scopes=scopes, claim=claim)

    def following(
        self, renewal: Renewal, agent: str, resource: str, about: tuple[tuple[str, str], ...], stands: str
    ) -> NewRefreshToken:
        """The next token of a family; `about` says for whom, and by which client."""
        told = f"{renewal.root}.{int(renewal.until.timestamp())}.{secrets.token_urlsafe(32)}"
        token = f"{REFRESH_PREFIX}{told}.{self._mac(told)}"
        kept = Pending(
            digest=digest_of(token),
            stage=Stage.REFRESH,
            agent=agent,
            redirect_uri="",
            challenge="",
            state=None,
            resource=resource,
            scopes=renewal.scopes,
            expires_at=renewal.until,
            detail=(*about, ("key", renewal.key), ("root", renewal.root), ("stands", stands)),
        )
        return NewRefreshToken(token, kept)

    def root_of(self, unverified_token: str, now: datetime) -> str | None:
        """The first lease of the family of a token that we made, used or not; None for others, and once it is over."""
        told, _, mac = unverified_token.removeprefix(REFRESH_PREFIX).rpartition(".")
        if not unverified_token.startswith(REFRESH_PREFIX) or not hmac.compare_digest(
            self._mac(told).encode(), mac.encode(errors="replace")
        ):
            return None
        root, until, _ = told.split(".")
        return root if now < datetime.fromtimestamp(int(until), UTC) else None

    def _mac(self, told: str) -> str:
        digest = hmac.digest(self._key, b"refresh\n" + told.encode(errors="replace"), "sha256")
        return urlsafe_b64encode(digest[:_MAC_BYTES]).rstrip(b"=").decode()


def standing(permit: LeasePermit, generations: Mapping[Node, int]) -> str:
    """What a family stands on, and in which generation: it falls with any of it."""
    nodes = sorted(node for node in permit.nodes if node.startswith(_STANDS_ON))
    return stands_for(Ancestor(node, generations[node]) for node in (REGISTRY, *nodes))


def about_person(client_id: str, user: str, groups: frozenset[str], claim: str) -> tuple[tuple[str, str], ...]:
    """What a refresh token keeps of its client, its person and the login; `claim` is where groups were read."""
    return (("client", client_id), ("user", user), ("groups", json.dumps(sorted(groups))), ("claim", claim))


def login_of_user(user: str, issuers: Mapping[str, Sequence[tuple[str, TrustIssuer]]]) -> TrustIssuer | None:
    """The issuer where this person logged in, if people still do so there."""
    name = issuer_of_user(user)
    found = (issuer for named in issuers.values() for known, issuer in named if known == name)
    return next((issuer for issuer in found if issuer.login is not None), None)

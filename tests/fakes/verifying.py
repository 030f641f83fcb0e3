"""A verifier with its clocks, its feed and its introspection in the test's hands, and an issuer that signs for it."""

import asyncio
from collections.abc import Mapping
from typing import Any

import orjson

from leasehold.keys.signing import TokenMint, jwk_set
from leasehold.model.leases import Node
from leasehold.model.revocations import BATCH_TYPE, SNAPSHOT_TYPE, feed_audience
from leasehold.model.tokens import ACCESS_TOKEN_TYPE
from leasehold.model.tools import Action
from leasehold.verify.access import TokenReader
from leasehold.verify.known import Known
from leasehold.verify.proofs import Proof
from leasehold.verify.refusals import Reason, Untrusted
from leasehold.verify.signatures import parse_key_set
from leasehold.verify.statements import StatementReader
from leasehold.verify.verifier import AccessRefused, Patience, Receipt, Verifier

ISSUER = "https://leasehold.example"
AUDIENCE = "https://github-mcp.example/mcp"
START = 1_800_000_000.0
DETAIL = {"type": "mcp_tool", "locations": [AUDIENCE], "actions": ["read_file", "comment"], "resources": ["repo:web*"]}


class Keys:
    """The published keys of a signer, without HTTP."""

    def __init__(self, signer: Any) -> None:
        self._keys = parse_key_set(orjson.dumps(jwk_set(signer.published())))

    def find(self, key_id: str) -> object:
        try:
            return self._keys.by_id[key_id]
        except KeyError:
            raise Untrusted(Reason.UNKNOWN_KEY) from None


class Answers:
    """Introspection: `active` is what it says, None when nobody answers."""

    proof = Proof.INTROSPECTION
    active: bool | None = None
    asked = 0

    def is_active(self, _token: str, _access: object) -> bool:
        self.asked += 1
        if self.active is None:
            raise Untrusted(Reason.NOT_KNOWN_ALIVE)
        return self.active


class Desk:
    """One verifier on its desk. `wall` and `monotonic` are what its clocks show; `pass_time` moves both."""

    def __init__(self, signer: Any) -> None:
        self.signer = signer
        self.keys = Keys(signer)
        self.wall, self.monotonic = START, 1000.0
        self.known, self.answers = Known(), Answers()
        self.statements = StatementReader(ISSUER, self.keys)
        self.verifier = Verifier(
            tokens=TokenReader(ISSUER, AUDIENCE, self.keys),
            known=self.known,
            introspection=self.answers,
            patience=Patience(tools={"read_file": Action.READ, "comment": Action.WRITE}),
            wall=lambda: self.wall,
            monotonic=lambda: self.monotonic,
        )

    def sign(self, claims: Mapping[str, Any], token_type: str = ACCESS_TOKEN_TYPE) -> str:
        return asyncio.run(TokenMint(self.signer, token_type).sign(claims))

    def claims(self, lease: str = "l1", *ancestors: tuple[str, int], **changes: Any) -> dict[str, Any]:
        now = int(self.wall)
        claims = {
            "iss": ISSUER,
            "sub": "agent:triage",
            "aud": AUDIENCE,
            "client_id": "triage",
            "iat": now,
            "exp": now + 300,
            "jti": lease,
            "scope": "",
            "authorization_details": [DETAIL],
            "urn:leasehold:lease": {"id": lease, "anc": [list(a) for a in ancestors or (("agent:triage", 1),)]},
        }
        return {name: value for name, value in {**claims, **changes}.items() if value is not None}

    def token(self, lease: str = "l1", *ancestors: tuple[str, int], **changes: Any) -> str:
        return self.sign(self.claims(lease, *ancestors, **changes))

    def batch_claims(self, since: int, *events: tuple[str, int], **changes: Any) -> dict[str, Any]:
        claims = {
            "iss": ISSUER,
            "aud": feed_audience(ISSUER),
            "iat": int(self.wall),
            "at": int(self.wall * 1000),
            "since": since,
            "seq": since + len(events),
            "events": [list(event) for event in events],
        }
        return {name: value for name, value in {**claims, **changes}.items() if value is not None}

    def batch(self, since: int, *events: tuple[str, int], **changes: Any) -> str:
        return self.sign(self.batch_claims(since, *events, **changes), BATCH_TYPE)

    def snapshot(self, sequence: int, nodes: Mapping[Node | str, int], **changes: Any) -> str:
        claims = self.batch_claims(0, nodes=dict(nodes), **changes)
        return self.sign({**claims, "seq": sequence}, SNAPSHOT_TYPE)

    def hear(self, text: str) -> None:
        self.known.add(self.statements.batch(text), self.wall, self.monotonic)

    def start(self, text: str) -> None:
        self.known.start(self.statements.snapshot(text), self.wall, self.monotonic)

    def pass_time(self, seconds: float) -> None:
        self.wall += seconds
        self.monotonic += seconds

    def check(self, token: str, tool: str = "comment", resource: str = "repo:web", **more: Any) -> Receipt:
        """The receipt, of an acceptance or of a refusal."""
        try:
            return self.verifier.check(token, tool, resource, **more)
        except AccessRefused as refused:
            return refused.receipt

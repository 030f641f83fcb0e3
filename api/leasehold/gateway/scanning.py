"""Content on its way through: scanned both ways, apart from whether the call may happen."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from leasehold.gateway.serving import Served
from leasehold.mcp.refusals import BLOCKED, Refused
from leasehold.model.relaying import ScanResponse
from leasehold.scan.findings import Finding, FindingKind, Response, ScanPolicy
from leasehold.scan.scanning import Scan, scan
from leasehold.scan.windows import Form

_KEPT = 4096
_AT_ONCE = 8192
# What an agent sends is its own: a secret in it may be the very thing to store, and is told about and left alone.
ARGUMENTS: Mapping[FindingKind, Response] = {
    kind: Response.LOG for kind in FindingKind if kind is not FindingKind.CONFUSABLE
}


_NOTHING: Mapping[str, int] = {}


class Scanned(NamedTuple):
    """Content that may go on, its SHA-256, and a count of what was found by `kind:rule:response`."""

    content: bytes
    found: Mapping[str, int]
    digest: bytes


class Scans:
    """Scans content as the tool server's declaration has it. `key` is for the digests of secrets."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._policies: dict[tuple[str, int], tuple[Served, ScanPolicy]] = {}

    async def arguments(self, raw: bytes, served: Served) -> Scanned:
        """What goes to the tool server. Raises `Refused` where a finding blocks."""
        return await self._aside(raw, served, "arguments")

    async def result(self, raw: bytes, served: Served) -> Scanned:
        """What comes from it. Raises `Refused` where a finding blocks."""
        return await self._aside(raw, served, "results")

    async def _aside(self, raw: bytes, served: Served, what: str) -> Scanned:
        """In a thread, if it could take long: what is made of nothing but findings takes milliseconds per KiB."""
        if len(raw) <= _AT_ONCE:
            return self._scanned(raw, served, what)
        return await asyncio.to_thread(self._scanned, raw, served, what)

    def _scanned(self, raw: bytes, served: Served, what: str) -> Scanned:
        came = scan(raw, self._policy(served, what), self._key, Form.JSON)
        found = _counted(came) if came.findings else _NOTHING
        if came.blocked:
            raise Refused(
                403,
                BLOCKED,
                f"the content of the {what} is not let through",
                reason="blocked",
                more={"found": sorted(found)},
            )
        return Scanned(came.content, found, hashlib.sha256(came.content).digest())

    def _policy(self, served: Served, what: str) -> ScanPolicy:
        key = what, id(served)
        known = self._policies.get(key)
        if known is not None:  # it holds its server, so that no other one can have that id
            return known[1]
        if len(self._policies) >= _KEPT:
            self._policies.clear()
        said = served.upstream.scan_arguments if what == "arguments" else served.upstream.scan_results
        policy = ScanPolicy(responses={**(ARGUMENTS if what == "arguments" else {}), **_responses(said)})
        self._policies[key] = served, policy
        return policy


def _responses(said: Mapping[str, ScanResponse]) -> dict[FindingKind, Response]:
    return {FindingKind(kind): Response(response.value) for kind, response in said.items()}


def _counted(came: Scan) -> Mapping[str, int]:
    found = Counter(_name(one) for one in came.findings)
    if came.omitted:
        found["omitted"] = came.omitted
    return found


def _name(finding: Finding) -> str:
    return f"{finding.kind}:{finding.rule}:{finding.response}"

"""Which tool servers the gateway serves, out of the state that decisions are made on; worked out once per state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache

import orjson

from leasehold.decisions.assembling import State
from leasehold.model.clients import DpopUse
from leasehold.model.kinds import Kind
from leasehold.model.relaying import Upstream
from leasehold.model.tools import Action, ToolServer
from leasehold.verify.verifier import MAX_STALENESS

_NOTHING: Mapping[str, object] = {}


@dataclass(frozen=True, slots=True)
class Served:
    """One tool server behind the gateway. `audience` is what its tokens must be for: its address here."""

    name: str
    audience: str
    spec: ToolServer
    upstream: Upstream

    @property
    def binds(self) -> bool:
        """True if it takes no token that is not bound to a key."""
        return self.spec.dpop is DpopUse.REQUIRED

    def action_of(self, tool: str) -> Action:
        """What a tool does to the world; of one that is not listed, the worst is thought."""
        definition = self.spec.tools.get(tool)
        return definition.action if definition is not None else Action.EXECUTE

    def destroys(self, tool: str, shown: str | None) -> bool:
        """True if it deletes or executes, or may destroy something by what is declared of it or `shown` (JSON)."""
        definition = self.spec.tools.get(tool)
        if definition is None or definition.action in {Action.DELETE, Action.EXECUTE}:
            return True
        hints = definition.annotations
        return (hints is not None and hints.destructive_hint is True) or (shown is not None and _says_so(shown))

    def max_staleness(self, action: Action) -> timedelta:
        """How old what is known of revocations may be, for something that does this."""
        said = self.upstream.max_staleness
        return MAX_STALENESS[action] if said is None else timedelta(seconds=said)


@lru_cache(maxsize=512)
def _says_so(shown: str) -> bool:
    """What a server says against its own tool is believed: it makes nothing wider."""
    hints = orjson.loads(shown).get("annotations")
    return isinstance(hints, dict) and hints.get("destructiveHint") is True


@dataclass(slots=True)
class Serving:
    """Finds tool servers by name. `issuer` is the address under which this gateway is reached."""

    issuer: str
    _seen: Mapping[str, object] = field(default_factory=lambda: _NOTHING)
    _served: Mapping[str, Served] = field(default_factory=dict)

    def audience(self, name: str) -> str:
        """The address of a tool server of this name here, whether or not there is one (RFC 8707 §2)."""
        return f"{self.issuer}/mcp/{name}"

    def find(self, name: str, state: State) -> Served | None:
        """The tool server, if it stands behind this gateway: an upstream, and this very address as its own."""
        listed = state.seen.objects[Kind.TOOL_SERVERS]
        if listed is not self._seen:
            self._served = {
                one: Served(one, spec.url, spec, spec.upstream)
                for one, spec in listed.items()
                if isinstance(spec, ToolServer) and spec.upstream is not None and spec.url == self.audience(one)
            }
            self._seen = listed
        return self._served.get(name)

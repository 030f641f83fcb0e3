"""What a tool server offers against what is granted of it: names in grants and scopes that the server does not list.

Such a name gives nothing today; the day the server lists a tool of that name again, whatever it does then, it is
granted. Changes of a listed tool's definition are differences like any other; what a live server really lists is
compared with its pin (`shown`).
"""

from __future__ import annotations

from collections.abc import Iterator

from leasehold.model.grants import Grant
from leasehold.model.kinds import Kind
from leasehold.model.tools import Scope, ToolServer
from leasehold.review.declared import Declared
from leasehold.review.drafts import Draft
from leasehold.review.findings import DriftClass
from leasehold.review.quotation import quoted
from leasehold.review.risk import Assessment
from leasehold.review.worlds import Key, Live

_SHOWN = 3


def delisted(declared: Declared, live: Live) -> Iterator[Draft]:
    """One draft for each grant or scope of the stacks that names tools that are not listed."""
    servers = live.world.of(ToolServer)
    for key in sorted(live.stored):
        spec = live.stored[key].spec
        if not isinstance(spec, Grant | Scope) or not _is_ours(declared, live, key):
            continue
        server = servers.get(spec.tool_server) if spec.tool_server is not None else None
        gone = spec.tools - {"*"} - server.tools.keys() if server is not None else frozenset()
        if gone and spec.tool_server is not None:
            yield _draft(key, spec, spec.tool_server, gone)


def _is_ours(declared: Declared, live: Live, key: Key) -> bool:
    """What nobody declares is a finding as it is; what another stack manages, that stack answers for."""
    return declared.mentions(key) or live.stored[key].stack in declared.stacks


def _draft(key: Key, spec: Grant | Scope, server: str, gone: frozenset[str]) -> Draft:
    names = [quoted(tool) for tool in sorted(gone)[:_SHOWN]]
    more = f" and {len(gone) - _SHOWN} more" if len(gone) > _SHOWN else ""
    tools = ", ".join(names) + more
    sentence = f"{key[0].singular} {quoted(key[1])} names {tools}, which tool server {quoted(server)} does not list"
    agent = spec.agent if isinstance(spec, Grant) else None
    found = Assessment(1, ("tool not listed",))
    signs = tuple(sorted(gone))
    return Draft(
        DriftClass.TOOL_SURFACE,
        key,
        agent,
        sentence,
        found,
        cause_key=(Kind.TOOL_SERVERS, server),
        signs=signs,
        delisted=gone,
    )

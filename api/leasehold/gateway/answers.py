"""What comes back from a tool server, message by message: passed on, cut down, scanned, or dropped.

An answer is owed to a request of this exchange, and to no other: what answers something else is dropped. What the
server asks of the client, or tells it, is decided like what the client asks of the server.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from leasehold.gateway.deciding import Judgement, Place, judge
from leasehold.gateway.lists import Lists
from leasehold.gateway.ports import Surfaces
from leasehold.gateway.reflections import FOUND, without
from leasehold.gateway.scanning import Scans
from leasehold.gateway.upstreams import UpstreamFailed
from leasehold.mcp.messages import Message, RequestId
from leasehold.mcp.needs import Listing, Needs, asked_of_client, wanted_resource
from leasehold.mcp.refusals import DENIED, Refused, error_document
from leasehold.model.tool_resources import is_plain

Json = dict[str, Any]  # Any: JSON
_TOLD = frozenset(
    {
        *("notifications/cancelled", "notifications/progress", "notifications/message"),
        *("notifications/tools/list_changed", "notifications/prompts/list_changed"),
        *("notifications/resources/list_changed", "notifications/elicitation/complete"),
        *("notifications/subscriptions/acknowledged", "notifications/tasks/status", "notifications/tasks"),
    }
)
SHOWN = 1024
"""How much of an answer is kept beside its event."""
_UPDATED = "notifications/resources/updated"


@dataclass(slots=True)
class Pending:
    """A request that is owed an answer, and what is known of the answer so far: an error, until proved otherwise."""

    message: Message
    needs: Needs
    judgements: tuple[Judgement, ...] = ()
    answered: bool = False
    is_error: bool = True
    reason: str = "not_finished"
    hidden: int = 0
    found: Counter[str] = field(default_factory=Counter)
    size: int = 0
    digest: bytes = b""
    said: str = ""
    recorded: bool = False
    told: bool = False
    """True once the decision on it is on record."""
    overdue: asyncio.TimerHandle | None = None


@dataclass(frozen=True, slots=True)
class Passed:
    """Bytes that may go on, None if nothing does; and the requests that this answers."""

    content: bytes | None
    finished: tuple[Pending, ...] = ()


class Answers:
    """The answers of one exchange. `unasked`: requests of the server that the client never hears of.

    `secrets`: what our credential looks like, which is in no answer.
    """

    def __init__(
        self,
        place: Place,
        pending: Mapping[RequestId, Pending],
        scans: Scans,
        lists: Lists,
        surfaces: Surfaces,
        secrets: tuple[bytes, ...] = (),
    ) -> None:
        self._place, self._scans, self._lists, self._surfaces, self._secrets = place, scans, lists, surfaces, secrets
        self._pending = {str(id_): one for id_, one in pending.items()}
        self.unasked: list[RequestId] = []
        self.foreign = not pending
        """True where a stream may hold answers to requests of earlier exchanges."""

    @property
    def complete(self) -> bool:
        """True when every request has its answer."""
        return all(one.answered for one in self._pending.values())

    def waiting(self) -> list[Pending]:
        """The requests without an answer."""
        return [one for one in self._pending.values() if not one.answered]

    async def take(self, raw: bytes) -> Passed:
        """Judge what came: one message or a batch. Raises `UpstreamFailed`, `Refused`, `Unavailable`."""
        raw, reflected = without(raw, self._secrets)  # before anything of it is looked at, or written down
        try:
            found = orjson.loads(raw)
        except orjson.JSONDecodeError:
            raise UpstreamFailed("no_json") from None
        several = found if isinstance(found, list) else [found]
        if not all(isinstance(one, dict) for one in several):
            raise UpstreamFailed("no_json_rpc")
        kept: list[Json] = []
        finished: list[Pending] = []
        for one in several:
            passed, pending = await self._message(one)
            kept += [passed] if passed is not None else []
            finished += [pending] if pending is not None else []
        if not kept:
            return Passed(None)
        same = len(kept) == len(several) and all(a is b for a, b in zip(kept, several, strict=True))
        content = raw if same else orjson.dumps(kept if isinstance(found, list) else kept[0])
        return Passed(await self._scan(content, finished, reflected), tuple(finished))

    def cleared(self, raw: bytes) -> bytes:
        """What stands around messages, without our credential."""
        return without(raw, self._secrets)[0]

    async def _scan(self, content: bytes, finished: list[Pending], reflected: int) -> bytes:
        try:
            scanned = await self._scans.result(content, self._place.served)
        except Refused as refused:
            for one in finished:
                one.is_error, one.reason = True, refused.reason
            raise
        for one in finished:
            one.found.update(scanned.found)
            if reflected:
                one.found[FOUND] += reflected
            one.size += len(content)
            one.digest = scanned.digest
            one.said = scanned.content[:SHOWN].decode(errors="replace")
        return scanned.content

    async def _message(self, one: Json) -> tuple[Json | None, Pending | None]:
        method = one.get("method")
        if isinstance(method, str):
            return (await self._asked(one, method) if "id" in one else await self._told(one, method)), None
        pending = self._pending_of(one)
        if pending is not None and not pending.answered:
            pending.answered = True
            return await self._answer(one, pending), pending
        return (await self._foreign(one) if self.foreign else None), None

    def _pending_of(self, one: Json) -> Pending | None:
        """The request that this answers. An error without an id is that of the only one there is."""
        if one.get("id") is None and "error" in one and len(self._pending) == 1:
            return next(iter(self._pending.values()))
        return self._pending.get(str(one.get("id")))

    async def _asked(self, one: Json, method: str) -> Json | None:
        """The server asks something of the client."""
        if method == "ping" or await self._may_ask(method):
            return one
        self.unasked.append(one["id"])
        return None

    async def _may_ask(self, method: str) -> bool:
        want = asked_of_client(method, self._place.served.name)
        return want is not None and (await judge(self._place, want, self._surfaces)).allowed

    async def _told(self, one: Json, method: str) -> Json | None:
        if method in _TOLD:
            return one
        params = one.get("params")
        uri = params.get("uri") if isinstance(params, dict) else None
        if method != _UPDATED or not isinstance(uri, str) or not is_plain(uri):
            return None
        return one if (await judge(self._place, wanted_resource(uri), self._surfaces)).allowed else None

    async def _answer(self, one: Json, pending: Pending) -> Json:
        result = one.get("result")
        if not isinstance(result, dict):
            error = one.get("error")
            code = error.get("code") if isinstance(error, dict) else None
            pending.reason = f"error_{code}" if isinstance(code, int) else "no_result"
            return one
        if result.get("resultType") == "input_required" and (refusal := await self._refused_input(one, result)):
            pending.reason = "input_denied"
            return refusal
        pending.is_error = result.get("isError") is True
        pending.reason = "tool_error" if pending.is_error else ""
        if pending.message.method in {"initialize", "server/discover"}:
            said = await self._lists.heard(self._place.served.name, result)
            return one if said is result else {**one, "result": said}
        return await self._cut(one, result, pending)

    async def _cut(self, one: Json, result: Json, pending: Pending) -> Json:
        listing = pending.needs.listing
        if listing is None:
            return one
        cut, pending.hidden = await self._lists.cut(listing, result, self._place)
        return {**one, "result": cut}

    async def _refused_input(self, one: Json, result: Json) -> Json | None:
        """An error in the place of a result that asks the client for what it may not be asked for."""
        asked = result.get("inputRequests", {})
        methods = (
            {each.get("method") for each in asked.values() if isinstance(each, dict)}
            if isinstance(asked, dict)
            else {None}
        )
        for method in methods:
            if not isinstance(method, str) or not await self._may_ask(method):
                return error_document(one.get("id"), DENIED, "the tool server asks for what it may not")
        return None

    async def _foreign(self, one: Json) -> Json:
        """An answer to an earlier request, on a stream that was taken up again: cut down by what it looks like."""
        result = one.get("result")
        if not isinstance(result, dict):
            return one
        result = dict(await self._lists.heard(self._place.served.name, result))
        for listing in Listing:
            if listing.value in result:
                result, _ = await self._lists.cut(listing, result, self._place)
        return {**one, "result": result}

"""Everything that is decided about a POST before anything of it goes out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from leasehold.gateway.admission import Admitted
from leasehold.gateway.answers import Pending
from leasehold.gateway.asgi import Scope
from leasehold.gateway.deciding import Judgement, Place, judge, refusal_of
from leasehold.gateway.exchanges import Exchange, Gateway
from leasehold.gateway.rates import Rate
from leasehold.mcp.headers import Era, Headers, era_of
from leasehold.mcp.messages import Body, MessageKind, RequestId
from leasehold.mcp.needs import Needs, needs_of
from leasehold.mcp.parameters import check_parameters
from leasehold.mcp.refusals import UPSTREAM_FAILED, Refused
from leasehold.model.errors import Unavailable

_BURST_SHARE = 10


async def let_through(
    gateway: Gateway, admitted: Admitted, scope: Scope, headers: Headers, body: Body, raw: bytes
) -> Exchange:
    """The exchange of a POST that may go out: each message of it allowed, or none goes. Raises `Refused`."""
    place = place_of(admitted, scope, era_of(headers, body))
    needs = [needs_of(one, place.served.name, place.served.spec, place.era) for one in body.messages]
    began = gateway.monotonic()
    take_rates(gateway, place, needs, began)  # before anything is decided or written: neither is free
    judged = [await _judged(gateway, place, one) for one in needs]
    pending = _pending(body, needs, judged)
    exchange = Exchange(gateway, place, "POST", headers, raw, pending, began)
    try:
        if (refused := refusal_of(place, [one for several in judged for one in several])) is not None:
            raise refused
        _check_parameters(gateway, place, headers, body)
        gateway.admission.check_life(place.caller, place.served.max_staleness(exchange.action), place.served.name)
        scanned = await gateway.scans.arguments(raw, place.served)
    except Refused as error:
        await gateway.records.refused(place, tuple(pending.values()), error.reason)
        error.told = bool(pending)
        raise
    for one in pending.values():
        one.found.update(scanned.found)
    exchange.body = scanned.content
    return exchange


def place_of(admitted: Admitted, scope: Scope, era: Era) -> Place:
    """Where and when something is asked."""
    client = scope.get("client")
    return Place(admitted.caller, admitted.served, admitted.state, admitted.now, client[0] if client else None, era)


def take_rates(gateway: Gateway, place: Place, needs: Iterable[Needs], now: float) -> None:
    """Count it. `now` is monotonic seconds. Raises `Refused` where that is too many."""
    agent, user, limits = place.caller.facts.agent, place.caller.facts.user, gateway.rates.limits
    keys: list[tuple[tuple[str, ...], Rate]] = [(("agent", agent), limits.agent)]
    keys += [(("user", user), limits.user)] if user is not None else []
    usual = _rate_of(place, limits.tool)
    for want in (want for one in needs for want in one.wants):
        tool = want.tool if want.tool in place.served.spec.tools else ""
        shown = gateway.surfaces.seen(place.served.name, tool)
        rate = usual.tighter if place.served.destroys(tool, shown) else usual
        keys.append((("tool", agent, place.served.name, tool), rate))
    gateway.rates.take(keys, now)


def _rate_of(place: Place, usual: Rate) -> Rate:
    said = place.served.upstream.calls_per_minute
    return usual if said is None else Rate(per_minute=said, burst=max(1.0, said / _BURST_SHARE))


def _check_parameters(gateway: Gateway, place: Place, headers: Headers, body: Body) -> None:
    """After the decision, so that it tells nobody of tools that it cannot call. Raises `Refused`."""
    for message in body.messages:
        tool, arguments = message.params.get("name"), message.params.get("arguments", {})
        if message.method == "tools/call" and isinstance(tool, str) and isinstance(arguments, Mapping):
            definition = gateway.surfaces.seen(place.served.name, tool)
            check_parameters(headers, arguments, definition, place.era)


async def _judged(gateway: Gateway, place: Place, needs: Needs) -> tuple[Judgement, ...]:
    try:
        return tuple([await judge(place, want, gateway.surfaces) for want in needs.wants])
    except Unavailable:
        raise Refused(503, UPSTREAM_FAILED, "it cannot be decided now", reason="unavailable") from None


def _pending(body: Body, needs: Iterable[Needs], judged: Iterable[tuple[Judgement, ...]]) -> dict[RequestId, Pending]:
    found = zip(body.messages, needs, judged, strict=True)
    return {
        message.id: Pending(message, need, judgements)
        for message, need, judgements in found
        if message.kind is MessageKind.REQUEST and message.id is not None
    }

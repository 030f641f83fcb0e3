"""`leasehold audit exports | replay | test-event`: where the trail goes, looked after."""

from __future__ import annotations

from typing import Annotated

import typer

from leasehold.cli.audit import app
from leasehold.cli.connection import Json, Registry
from leasehold.cli.examples import EXAMPLES
from leasehold.cli.exits import CLEAN, ERROR
from leasehold.cli.safe_text import visible
from leasehold.cli.session import Session, session_of

_LOOK_SECONDS = 0.5
__all__ = ["app"]
Name = Annotated[str, typer.Argument(help="The export, as LEASEHOLD_AUDIT_EXPORTS calls it.")]
AsJson = Annotated[bool, typer.Option("--json", help="The whole answer as JSON on stdout.")]


@app.command("exports", epilog=EXAMPLES["audit exports"])
def exports(context: typer.Context, *, json_: AsJson = False) -> None:
    """List where the trail is exported to, and how far each receiver has come."""
    session = session_of(context)
    with session.registry() as registry:
        found = _exports(registry)
    if json_:
        session.emit({"items": found})
        return
    for one in found:
        aside = f"  set aside: {', '.join(map(str, one['set_aside']))}" if one["set_aside"] else ""
        behind = one["size"] - one["position"]
        told = one["told_at"] or "never"
        session.out.write(visible(f"{one['name']}  {behind} behind  last told {told}  {one['to']}{aside}") + "\n")


@app.command("replay", epilog=EXAMPLES["audit replay"])
def replay(
    context: typer.Context,
    name: Name,
    *,
    start: Annotated[int, typer.Option("--from", min=0, help="The first place in the trail to tell again.")],
    json_: AsJson = False,
) -> None:
    """Export again from a place on; a receiver tells what it had by `position` and `leaf`. That is an event itself."""
    session = session_of(context)
    with session.registry() as registry:
        found = registry.call("POST", f"/v1/audit/exports/{name}:replay", body={"start": start}).body
    if json_:
        session.emit(found)
    else:
        session.out.write(f"{visible(name)} is told again from {found['position']} on\n")


@app.command("test-event", epilog=EXAMPLES["audit test-event"])
def send_test_event(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(help="The export; all of them, if none is named.")] = None,
    *,
    wait: Annotated[int, typer.Option(min=0, max=600, help="Seconds to wait until it is taken.")] = 15,
    json_: AsJson = False,
) -> int:
    """Send a test event the whole way, sealed and chained like all others, and see that it is taken."""
    session = session_of(context)
    with session.registry() as registry:
        names = [name] if name is not None else [one["name"] for one in _exports(registry)]
        sent = {one: registry.call("POST", f"/v1/audit/exports/{one}:test").body["tested"] for one in names}
        taken = _taken(session, registry, sent, wait)
    if json_:
        session.emit({"items": [{"name": one, "tested": sent[one], "taken": taken[one]} for one in names]})
    else:
        for one in names:
            said = "taken" if taken[one] else "NOT taken"
            session.out.write(visible(f"{one}: event {sent[one]} was {said}") + "\n")
    return CLEAN if all(taken.values()) else ERROR


def _taken(session: Session, registry: Registry, sent: dict[str, int], wait: int) -> dict[str, bool]:
    """Who took the event that was for them."""
    for _ in range(int(wait / _LOOK_SECONDS) + 1):
        states = {one["name"]: one for one in _exports(registry)}
        told = {name: states[name]["position"] > place for name, place in sent.items()}
        if all(told.values()):
            break
        session.sleep(_LOOK_SECONDS)
    return {name: told[name] and sent[name] not in states[name]["set_aside"] for name in sent}


def _exports(registry: Registry) -> list[Json]:
    items: list[Json] = registry.call("GET", "/v1/audit/exports").body["items"]
    return items

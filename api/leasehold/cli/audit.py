"""`leasehold audit`: ask the audit trail, follow it, take it away, and prove that it is whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from urllib.parse import urlencode

import typer

from leasehold.cli.connection import Json, Registry
from leasehold.cli.decisions import could_lines, resource_of
from leasehold.cli.examples import EXAMPLES
from leasehold.cli.exits import CLEAN, DENIED, Failure
from leasehold.cli.safe_text import visible
from leasehold.cli.session import session_of

app = typer.Typer(no_args_is_help=True, help="The audit trail: who did what, for whom, by which authority.")
_PAGE, _TAIL, _LOOK_SECONDS = 1000, 20, 1.0
AsJson = Annotated[bool, typer.Option("--json", help="Each event as JSON, one a line.")]
Agent = Annotated[str | None, typer.Option(help="About this agent.")]
User = Annotated[str | None, typer.Option(help="On behalf of, or by, this person.")]
Tool = Annotated[str | None, typer.Option(help="`<tool server>/<tool>`.")]
Outcome = Annotated[str | None, typer.Option(help="ok, denied or error.")]
Since = Annotated[str | None, typer.Option(help="From this day or time on; UTC unless it says otherwise.")]
Until = Annotated[str | None, typer.Option(help="Before this day or time.")]


@app.callback()
def audit() -> None:
    """The audit trail: who did what, for whom, by which authority."""


@app.command("query", epilog=EXAMPLES["audit query"])
def query(  # noqa: PLR0913  as many as there are filters
    context: typer.Context,
    *,
    agent: Agent = None,
    user: User = None,
    owner: Annotated[str | None, typer.Option(help="About this owner, or an agent of theirs.")] = None,
    tool: Tool = None,
    lease: Annotated[str | None, typer.Option(help="About this lease.")] = None,
    deployment: Annotated[str | None, typer.Option(help="About this deployment.")] = None,
    kind: Annotated[str | None, typer.Option(help="Of this kind: decisions, leases, agents, ...")] = None,
    name: Annotated[str | None, typer.Option(help="Of the object of this name.")] = None,
    action: Annotated[str | None, typer.Option(help="This was done or tried.")] = None,
    principal: Annotated[str | None, typer.Option(help="By this principal.")] = None,
    outcome: Outcome = None,
    since: Since = None,
    until: Until = None,
    text: Annotated[str | None, typer.Option(help="Says this somewhere; needs --since.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000_000, help="How many events at most.")] = 100,
    json_: AsJson = False,
) -> None:
    """List events, the newest first."""
    session = session_of(context)
    names = {"agent": agent, "user": user, "owner": owner, "tool": tool, "lease": lease, "deployment": deployment}
    said = {"kind": kind, "name": name, "action": action, "principal": principal, "outcome": outcome, "text": text}
    asked = {**names, **said, "since": _instant(since), "until": _instant(until)}
    with session.registry() as registry:
        for one in _events(registry, _given(asked), limit):
            session.out.write(_shown(one, as_json=json_))


@app.command("tail", epilog=EXAMPLES["audit tail"])
def tail(  # noqa: PLR0913  as many as there are filters
    context: typer.Context,
    *,
    agent: Agent = None,
    user: User = None,
    tool: Tool = None,
    outcome: Outcome = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until interrupted.")] = False,
    json_: AsJson = False,
) -> None:
    """Show the newest events, the newest last."""
    session = session_of(context)
    asked = _given({"agent": agent, "user": user, "tool": tool, "outcome": outcome})
    with session.registry() as registry:
        shown = list(_events(registry, asked, _TAIL))[::-1]
        for one in shown:
            session.out.write(_shown(one, as_json=json_))
        while follow:
            session.out.flush()
            session.sleep(_LOOK_SECONDS)
            newer = _newer(registry, asked, shown)
            for one in newer:
                session.out.write(_shown(one, as_json=json_))
            shown = [*shown, *newer][-_PAGE:]


@app.command("export", epilog=EXAMPLES["audit export"])
def export(
    context: typer.Context,
    *,
    since: Since = None,
    until: Until = None,
    start: Annotated[int | None, typer.Option(min=0, help="From this place in the trail on.")] = None,
    end: Annotated[int | None, typer.Option(min=0, help="Before this place; up to the next checkpoint.")] = None,
    out: Annotated[Path | None, typer.Option(help="A file, which must not be there yet [stdout].")] = None,
) -> None:
    """Take the trail away with what proves it, one JSON document a line. That it was taken is an event itself."""
    session = session_of(context)
    window = _given({"since": _instant(since), "until": _instant(until), "start": start, "end": end})
    path = f"/v1/audit/export?{urlencode(window)}" if window else "/v1/audit/export"
    with session.registry() as registry:
        lines = registry.stream(path)
        if out is None:
            for line in lines:
                session.out.write(line.decode() + "\n")
            return
        count = _written(out, lines)
    session.say(f"{count} lines in {visible(out)}; prove them with: leasehold audit verify {visible(out)} --key FILE")


@app.command("verify", epilog=EXAMPLES["audit verify"])
def verify(
    context: typer.Context,
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Exports; segments in their order.")],
    *,
    key: Annotated[str, typer.Option(help="The public key that signs checkpoints, or a file that holds it.")],
    checkpoint: Annotated[
        list[Path] | None, typer.Option(help="Checkpoints from elsewhere: out of an anchor, or taken down before.")
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="The whole verdict as JSON on stdout.")] = False,
) -> int:
    """Prove, offline, that nothing was changed, left out, put in or moved, or name the first event that was."""
    from leasehold.cli.verifying import verify_files  # noqa: PLC0415  cryptography, which no other command needs

    return verify_files(session_of(context), files, key, checkpoint or [], as_json=json_)


@app.command("could", epilog=EXAMPLES["audit could"])
def could(  # noqa: PLR0913  the question is that long
    context: typer.Context,
    agent: Annotated[str, typer.Argument(help="The agent.")],
    tool: Annotated[str, typer.Argument(help="`<tool server>/<tool>`.")],
    on: Annotated[list[str] | None, typer.Argument(metavar="[on RESOURCE]", help="A resource, as `type:id`.")] = None,
    *,
    at: Annotated[str, typer.Option(help="When; UTC unless it says otherwise.")],
    user: Annotated[str | None, typer.Option(help="On behalf of this person.")] = None,
    json_: Annotated[bool, typer.Option("--json", help="The whole answer as JSON on stdout.")] = False,
) -> int:
    """Could an agent have called a tool at a moment that has passed, by the grants and policies of then?"""
    session = session_of(context)
    query = _given({"agent": agent, "action": tool, "at": _instant(at), "user": user, **resource_of(on or [])})
    with session.registry() as registry:
        found = registry.call("GET", f"/v1/access:could?{urlencode(query)}").body
    if json_:
        session.emit(found)
    else:
        session.out.write("\n".join(could_lines(found)) + "\n")
    return CLEAN if found["decision"] else DENIED


@app.command("checkpoint", epilog=EXAMPLES["audit checkpoint"])
def checkpoint(
    context: typer.Context,
    *,
    key: Annotated[
        bool, typer.Option("--key", help="The public key alone: keep it where the registry cannot.")
    ] = False,
    json_: Annotated[bool, typer.Option("--json", help="The whole answer as JSON on stdout.")] = False,
) -> None:
    """Show the newest signed checkpoint, as a note (C2SP tlog-checkpoint)."""
    session = session_of(context)
    with session.registry() as registry:
        found = registry.call("GET", "/v1/audit/checkpoint").body
    if json_:
        session.emit(found)
    else:
        session.out.write(f"{visible(found['verifier_key'])}\n" if key else found["note"])


def _events(registry: Registry, asked: Mapping[str, object], limit: int) -> Iterator[Json]:
    cursor: str | None = ""
    while cursor is not None and limit > 0:
        page_of = {**asked, "limit": min(limit, _PAGE), **({"cursor": cursor} if cursor else {})}
        page = registry.call("GET", f"/v1/audit/events?{urlencode(page_of)}").body
        yield from page["items"]
        limit, cursor = limit - len(page["items"]), page["next_cursor"]


def _newer(registry: Registry, asked: Mapping[str, object], shown: list[Json]) -> list[Json]:
    """What was not shown yet, the oldest first."""
    known = {one["sequence"] for one in shown}
    since = {"since": min(one["at"] for one in shown[-_TAIL:])} if shown else {}
    found = _events(registry, {**asked, **since}, _PAGE)
    return [one for one in found if one["sequence"] not in known][::-1]


def _shown(event: Json, *, as_json: bool) -> str:
    if as_json:
        import json  # noqa: PLC0415  of this output alone

        return json.dumps(event, ensure_ascii=True, sort_keys=True) + "\n"
    about = f"{event['kind']}/{event['name']}" if event["name"] else event["kind"]
    why = f"  ({event['reason']})" if event["reason"] else ""
    detail = event["detail"]
    on = " ".join(f"{name}={detail[name]}" for name in ("subject", "user", "resource") if detail.get(name))
    done = f"{event['action']} {detail['action']}" if event["kind"] == "decisions" else event["action"]
    return visible(f"{event['at']}  {event['outcome']:6}  {event['principal']}  {done}  {about}  {on}{why}") + "\n"


def _written(out: Path, lines: Iterator[bytes]) -> int:
    count = 0
    try:
        with out.open("xb") as file:
            for count, line in enumerate(lines, start=1):  # noqa: B007  the last count is the answer
                file.write(line + b"\n")
    except OSError as error:
        raise Failure(f"cannot be written ({error.strerror})", where=visible(out)) from None
    except Failure:
        out.unlink()  # half an export would only be taken for one that was tampered with
        raise
    return count


def _instant(text: str | None) -> str | None:
    """A day or a time as the registry wants it."""
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise Failure(
            "is no day and no time", where=visible(text), next_step="2026-11-20 or 2026-11-20T22:20"
        ) from None
    return (at if at.tzinfo is not None else at.replace(tzinfo=UTC)).isoformat()


def _given(asked: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in asked.items() if value is not None}

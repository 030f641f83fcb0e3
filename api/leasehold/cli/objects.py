"""`leasehold object`: live objects of the registry, read and written by hand."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated
from urllib.parse import urlencode

import typer

from leasehold.cli.connection import Answer, Json, Registry, segment
from leasehold.cli.examples import EXAMPLES
from leasehold.cli.exits import Failure
from leasehold.cli.safe_text import visible
from leasehold.cli.session import Session, session_of

app = typer.Typer(no_args_is_help=True, help="Read and write live objects of the registry by hand.")

_ENVELOPE = frozenset({"kind", "name", "revision", "created_at", "updated_at", "updated_by", "managed_by"})
_COMPUTED = frozenset({"epoch", "live_grants", "expired"})
_PAGE = 500
Kind = Annotated[str, typer.Argument(help="owners, agents, grants, scopes, ceilings, tool-servers, ...")]
Name = Annotated[str, typer.Argument(help="The object's name.")]
AsJson = Annotated[bool, typer.Option("--json", help="The answer as JSON on stdout.")]


@app.command("get", epilog=EXAMPLES["object get"])
def get(context: typer.Context, kind: Kind, name: Name, *, json_: AsJson = False) -> None:
    """Show one object."""
    session = session_of(context)
    with session.registry() as registry:
        found = registry.call("GET", _path(kind, name)).body
    if json_:
        session.emit(found)
    else:
        _show(session, found)


@app.command("list", epilog=EXAMPLES["object list"])
def list_(
    context: typer.Context,
    kind: Kind,
    *,
    agent: Annotated[str | None, typer.Option(help="Only what belongs to this agent.")] = None,
    stack: Annotated[str | None, typer.Option(help="Only what this stack manages.")] = None,
    managed: Annotated[
        bool | None, typer.Option("--managed/--unmanaged", help="Only what some stack manages, or none.")
    ] = None,
    json_: AsJson = False,
) -> None:
    """List objects of a kind."""
    session = session_of(context)
    asked = {"agent": agent, "stack": stack, "managed": None if managed is None else str(managed).lower()}
    query = {key: value for key, value in asked.items() if value is not None}
    with session.registry() as registry:
        items = list(_items(registry, kind, query))
    if json_:
        session.emit({"items": items})
        return
    for one in items:
        stack_shown = f"  stack {visible(one['managed_by'])}" if one.get("managed_by") else "  by hand"
        session.out.write(f"{visible(one['name'])}  r{int(one['revision'])}{stack_shown}\n")


@app.command("put", epilog=EXAMPLES["object put"])
def put(
    context: typer.Context,
    kind: Kind,
    name: Name,
    *,
    file: Annotated[str, typer.Option("--file", help="The object's attributes as JSON; `-` for stdin.")],
    json_: AsJson = False,
) -> None:
    """Create an object, or replace it: what is replaced is shown on stderr, and must not change meanwhile."""
    session = session_of(context)
    spec = _spec(kind, _read(file))
    with session.registry() as registry:
        seen = _find(registry, kind, name)
        if seen is not None:
            _tell_changes(session, _spec(kind, seen.body), spec)
        condition = {"If-None-Match": "*"} if seen is None else {"If-Match": seen.etag or ""}
        written = registry.call("PUT", _path(kind, name), body=spec, headers=condition).body
    if json_:
        session.emit(written)
    else:
        session.out.write(f"{visible(written['name'])} is now at revision {int(written['revision'])}\n")


@app.command("delete", epilog=EXAMPLES["object delete"])
def delete(context: typer.Context, kind: Kind, name: Name, *, json_: AsJson = False) -> None:
    """Delete an object, unless it changes meanwhile or others refer to it."""
    session = session_of(context)
    with session.registry() as registry:
        seen = registry.call("GET", _path(kind, name))
        session.say(f"deleting {visible(name)} at revision {seen.body.get('revision')}")
        registry.call("DELETE", _path(kind, name), headers={"If-Match": seen.etag or ""})
    if json_:
        session.emit({"deleted": seen.body})
    else:
        session.out.write(f"{visible(name)} is deleted\n")


def _path(kind: str, name: str) -> str:
    return f"/v1/{segment(kind)}/{segment(name)}"


def _find(registry: Registry, kind: str, name: str) -> Answer | None:
    try:
        return registry.call("GET", _path(kind, name))
    except Failure as failure:
        if "(not_found)" in failure.what:
            return None
        raise


def _items(registry: Registry, kind: str, query: dict[str, str]) -> Iterator[Json]:
    cursor: str | None = None
    while True:
        asked = {**query, "limit": str(_PAGE), **({"cursor": cursor} if cursor else {})}
        page = registry.call("GET", f"/v1/{segment(kind)}?{urlencode(asked)}").body
        yield from page["items"]
        cursor = page.get("next_cursor")
        if cursor is None:
            return


def _read(path: str) -> Json:
    try:
        text = sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")
        parsed = json.loads(text)
    except OSError as error:
        raise Failure(f"cannot be read ({error.strerror})", where=visible(path)) from None
    except ValueError:
        raise Failure("is not JSON", where=visible(path)) from None
    if not isinstance(parsed, dict):
        raise Failure("is not a JSON object", where=visible(path))
    return parsed


def _spec(kind: str, document: Json) -> Json:
    """The attributes of an object as `get` shows it, or of a file that holds them alone."""
    if "revision" not in document:
        return document
    left_out = _ENVELOPE | _COMPUTED | (frozenset() if kind == "workload-bindings" else {"stack"})
    return {key: value for key, value in document.items() if key not in left_out}


def _tell_changes(session: Session, before: Json, after: Json) -> None:
    for key in sorted(before.keys() | after.keys()):
        if before.get(key) != after.get(key):
            session.say(f"  {visible(key)}: {visible(before.get(key))} -> {visible(after.get(key))}")


def _show(session: Session, found: Json) -> None:
    width = max(map(len, found), default=0)
    for key, value in found.items():
        shown = ", ".join(map(str, value)) if isinstance(value, list) else value
        session.out.write(f"{visible(key):<{width}}  {visible('' if shown is None else shown, 10_000)}\n")

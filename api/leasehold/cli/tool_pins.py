"""`leasehold tools fetch | diff | approve`: what a tool server shows, what of it is approved, and approving it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from leasehold.cli.connection import Json, Registry, read_secret, segment
from leasehold.cli.declared_pins import cdktf_of, hcl_of
from leasehold.cli.examples import EXAMPLES
from leasehold.cli.exits import CLEAN, DRIFT, INCOMPLETE, Failure
from leasehold.cli.mcp_listing import Listing
from leasehold.cli.safe_text import visible
from leasehold.cli.session import Session, session_of
from leasehold.cli.surface_reports import surface_text
from leasehold.cli.tools import app

__all__ = ["app"]
Server = Annotated[str, typer.Argument(help="Name of the tool server in the registry.")]
AsJson = Annotated[bool, typer.Option("--json", help="The answer as JSON on stdout.")]
_EMPTY: Json = {"instructions": "", "tools": {}}


@app.command("fetch", epilog=EXAMPLES["tools fetch"])
def fetch(
    context: typer.Context,
    server: Server,
    *,
    source: Annotated[str, typer.Option("--from", help="Address of the running server, or a file; `-` for stdin.")],
    bearer_file: Annotated[
        str | None, typer.Option("--bearer-file", help="File with the token that the server itself wants.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Only write the list there, to be declared; tell no registry.")
    ] = None,
    json_: AsJson = False,
) -> int:
    """Read what a tool server lists and write it down in the registry. It approves nothing."""
    session = session_of(context)
    listed = _listed(session, source, bearer_file)
    if out is not None:
        _write(out, json.dumps(listed, indent=2, sort_keys=True) + "\n")
        session.out.write(f"{len(listed['tools'])} tools are in {visible(out)}\n")
        return CLEAN
    with session.registry() as registry:
        told = registry.call("POST", f"/v1/tool-servers/{segment(server)}:observe", body=listed).body
    return _show(session, told or _told(session, server), json_=json_)


@app.command("diff", epilog=EXAMPLES["tools diff"])
def diff(context: typer.Context, server: Server, *, json_: AsJson = False) -> int:
    """Show what was seen last of a tool server against its pin, tool by tool."""
    session = session_of(context)
    return _show(session, _told(session, server), json_=json_)


@app.command("approve", epilog=EXAMPLES["tools approve"])
def approve(  # noqa: PLR0913  one parameter per option
    context: typer.Context,
    server: Server,
    *,
    justification: Annotated[str, typer.Option(help="What was looked at, and why it is fine.")],
    tool: Annotated[list[str] | None, typer.Option("--tool", help="Only this tool; can be given again.")] = None,
    instructions: Annotated[bool, typer.Option("--instructions", help="Only, or also, the instructions.")] = False,
    digest: Annotated[
        str | None, typer.Option(help="Only if exactly this was seen last, as `tools diff` shows it.")
    ] = None,
    hcl: Annotated[bool, typer.Option("--hcl", help="Print the pin as HCL to commit; write nothing.")] = False,
    cdktf: Annotated[bool, typer.Option("--cdktf", help="Print it as a CDKTF construct; write nothing.")] = False,
    json_: AsJson = False,
) -> None:
    """Approve what was seen last of a tool server: all of it, or single tools of it. For approvers."""
    session = session_of(context)
    with session.registry() as registry:
        report = registry.call("GET", f"/v1/tool-servers/{segment(server)}:surface").body
        surface = _chosen(report, tool or [], instructions=instructions, digest=digest)
        if hcl or cdktf:
            session.out.write((hcl_of if hcl else cdktf_of)(server, surface, justification))
            return
        written = _put(registry, report, surface, justification)
    if surface["instructions"] != _seen(report)["instructions"]:
        session.say("the server's instructions are not approved (--instructions): no tool of it is usable")
    if json_:
        session.emit(written)
    else:
        count = len(surface["tools"])
        session.out.write(f"{visible(server)}: {count} tools are approved, {visible(written['digest'])}\n")


def _put(registry: Registry, report: Json, surface: Json, justification: str) -> Json:
    pin, server = report["pin"], report["tool_server"]
    if pin is not None and pin["managed_by"]:
        raise Failure(
            f"the pin of `{visible(server)}` is managed by stack `{visible(pin['managed_by'])}`",
            next_step="commit it there: --hcl or --cdktf prints it",
        )
    condition = {"If-None-Match": "*"} if pin is None else {"If-Match": f'"{int(pin["revision"])}"'}
    body = {"surface": json.dumps(surface), "justification": justification}
    return registry.call("PUT", f"/v1/tool-pins/{segment(server)}", body=body, headers=condition).body


def _chosen(report: Json, tools: list[str], *, instructions: bool, digest: str | None) -> Json:
    """The surface to pin: all that was seen, or the pinned one with these parts as they were seen."""
    seen = _seen(report)
    if digest is not None and digest != report["observed"]["digest"]:
        raise Failure(
            "the server shows something else by now",
            where=visible(report["observed"]["digest"]),
            next_step=f"leasehold tools diff {visible(report['tool_server'])}",
        )
    if not tools and not instructions:
        return seen
    pinned: Json = json.loads(report["pin"]["surface"]) if report["pin"] is not None else _EMPTY
    chosen = dict(pinned["tools"])
    for name in tools:
        if name in seen["tools"]:
            chosen[name] = seen["tools"][name]
        elif name in report["unreadable"]:
            raise Failure(f"`{visible(name)}` cannot be approved: {visible(report['unreadable'][name])}")
        elif chosen.pop(name, None) is None:
            raise Failure(f"the server lists no tool `{visible(name)}`")
    return {"instructions": seen["instructions"] if instructions else pinned["instructions"], "tools": chosen}


def _seen(report: Json) -> Json:
    if report["observed"] is None:
        raise Failure("nobody saw what the server lists", next_step="leasehold tools fetch SERVER --from URL")
    if report["surface"] is None:
        raise Failure(f"its last list is refused whole: {visible(report['observed']['problem'])}")
    seen: Json = json.loads(report["surface"])
    return seen


def _show(session: Session, report: Json, *, json_: bool) -> int:
    if json_:
        session.emit(report)
    else:
        session.out.write(surface_text(report))
    if report["observed"] is None:
        return INCOMPLETE
    return DRIFT if report["changes"] or report["observed"]["problem"] else CLEAN


def _told(session: Session, server: str) -> Json:
    with session.registry() as registry:
        return registry.call("GET", f"/v1/tool-servers/{segment(server)}:surface").body


def _listed(session: Session, source: str, bearer_file: str | None) -> Json:
    if source.startswith(("http://", "https://")):
        bearer = read_secret(bearer_file) if bearer_file is not None else None
        return Listing(source, bearer, session.transport).read()
    try:
        found = json.loads(sys.stdin.read() if source == "-" else Path(source).read_text(encoding="utf-8"))
        result = found.get("result", found)
        tools = result["tools"]
        if result.get("nextCursor") is not None:
            raise Failure("is one page of several: put all tools into one list", where=visible(source))
        listed = [{**tool, "name": name} for name, tool in tools.items()] if isinstance(tools, dict) else list(tools)
        return {"instructions": result.get("instructions", found.get("instructions")) or "", "tools": listed}
    except (OSError, UnicodeDecodeError) as error:
        raise Failure("cannot be read", where=visible(source)) from error
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
        raise Failure("is no answer to `tools/list`", where=visible(source)) from None


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Failure(f"cannot be written ({error.strerror})", where=visible(path)) from None

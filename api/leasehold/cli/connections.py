"""`leasehold connections`: what people and the organisation have at tool servers. Secrets come in by file or stdin."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated
from urllib.parse import urlencode

import typer

from leasehold.cli.connection import Json, Registry, read_secret, segment
from leasehold.cli.examples import EXAMPLES
from leasehold.cli.exits import Failure
from leasehold.cli.safe_text import visible
from leasehold.cli.session import Session, session_of

app = typer.Typer(no_args_is_help=True, help="Connections at tool servers: list, add, promote, remove.")

_PAGE = 500
AsJson = Annotated[bool, typer.Option("--json", help="The answer as JSON on stdout.")]
TokenFile = Annotated[
    str | None,
    typer.Option("--token-file", help="A file with an identity token of the person whose connection it is."),
]
ConnectionId = Annotated[str, typer.Argument(metavar="ID", help="The connection's id, as `list` shows it.")]
AgentName = Annotated[str, typer.Option("--agent", help="The agent.")]


@app.command("list", epilog=EXAMPLES["connections list"])
def list_(
    context: typer.Context,
    *,
    tool_server: Annotated[str | None, typer.Option(help="Only those at this tool server.")] = None,
    token_file: TokenFile = None,
    json_: AsJson = False,
) -> None:
    """Who has what at which tool server, and which agents it is promoted for. No secret is in the answer."""
    session = session_of(context)
    with session.registry() as registry:
        items = _items(registry, {"tool_server": tool_server} if tool_server is not None else {}, token_file)
    if json_:
        session.emit({"items": items})
        return
    for one in items:
        whose = one["user"] or f"shared {one['shared']}"
        agents = ", ".join(promotion["agent"] for promotion in one["promotions"])
        shown = (one["id"], one["tool_server"], whose, one["method"], one["state"])
        session.out.write("  ".join(visible(text) for text in shown))
        session.out.write(f"  for {visible(agents)}\n" if agents else "\n")


@app.command("add", epilog=EXAMPLES["connections add"])
def add(  # noqa: PLR0913  each is an option
    context: typer.Context,
    tool_server: Annotated[str, typer.Argument(help="The tool server.")],
    *,
    oauth: Annotated[bool, typer.Option("--oauth", help="Connect in a browser: print the address to open.")] = False,
    api_key_file: Annotated[str | None, typer.Option(help="A file with the key; `-` for stdin.")] = None,
    basic_file: Annotated[str | None, typer.Option(help="A file with `user:password`; `-` for stdin.")] = None,
    certificate_file: Annotated[str | None, typer.Option(help="A PEM file with the certificate chain.")] = None,
    key_file: Annotated[str | None, typer.Option(help="A PEM file with the key to it.")] = None,
    aws_file: Annotated[
        str | None, typer.Option(help="A JSON file with access_key_id and secret_access_key; `-` for stdin.")
    ] = None,
    shared: Annotated[
        str | None, typer.Option(help="The name of a connection of the organisation [default: default].")
    ] = None,
    token_file: TokenFile = None,
    json_: AsJson = False,
) -> None:
    """Connect an account. As an administrator, one that can be shared; with --token-file, a person's own."""
    session = session_of(context)
    given: Json = {
        "oauth": {} if oauth else None,
        "api_key": {"key": read_secret(api_key_file)} if api_key_file is not None else None,
        "basic": _pair(basic_file) if basic_file is not None else None,
        "mtls": _certificate(certificate_file, key_file),
        "aws_sigv4": _object(aws_file) if aws_file is not None else None,
        "shared": shared,
    }
    body = {name: value for name, value in given.items() if value is not None}
    answer = _send(session, f"/v1/connections/{segment(tool_server)}", body, token_file)
    if json_:
        session.emit(answer)
    elif "connect_url" in answer:
        session.say("open this address in a browser, and log in there with the account to connect:")
        session.out.write(f"{visible(answer['connect_url'], 4_000)}\n")
    else:
        session.out.write(f"{visible(answer['id'])}\n")


@app.command("promote", epilog=EXAMPLES["connections promote"])
def promote(
    context: typer.Context,
    connection: ConnectionId,
    *,
    agent: AgentName,
    justification: Annotated[str, typer.Option(help="Why the agent needs it; it is kept, and audited.")],
    json_: AsJson = False,
) -> None:
    """Let an agent use a shared connection: alone, and for people who have none of their own."""
    session = session_of(context)
    body = {"agent": agent, "justification": justification}
    answer = _send(session, f"/v1/connections/{segment(connection)}:promote", body, None)
    if json_:
        session.emit(answer)
    else:
        session.out.write(f"{visible(answer['agent'])} may use it since {visible(answer['promoted_at'])}\n")


@app.command("demote", epilog=EXAMPLES["connections demote"])
def demote(context: typer.Context, connection: ConnectionId, *, agent: AgentName) -> None:
    """Take a shared connection back from an agent, at once."""
    session = session_of(context)
    _send(session, f"/v1/connections/{segment(connection)}:demote", {"agent": agent}, None)
    session.out.write(f"{visible(agent)} may use it no more\n")


@app.command("remove", epilog=EXAMPLES["connections remove"])
def remove(context: typer.Context, connection: ConnectionId, *, token_file: TokenFile = None) -> None:
    """End a connection: unusable at once; its tokens are revoked at the other side."""
    session = session_of(context)
    path = f"/v1/connections/{segment(connection)}"
    with session.registry() as registry:
        if token_file is None:
            registry.call("DELETE", path)
        else:
            registry.call_as(read_secret(token_file), "DELETE", path)
    session.out.write(f"{visible(connection)} is over\n")


@app.command("rotate-keys", epilog=EXAMPLES["connections rotate-keys"])
def rotate_keys(context: typer.Context, *, json_: AsJson = False) -> None:
    """Wrap every stored secret by a new key; with KMS, by the one that stands first in the settings."""
    session = session_of(context)
    with session.registry() as registry:
        answer = registry.call("POST", "/v1/connections:rotate-keys").body
    if json_:
        session.emit(answer)
    else:
        moved, left = visible(answer["moved"]), visible(answer["left"])
        session.out.write(f"{moved} wrapped by {visible(answer['key'])}, {left} left\n")


def _send(session: Session, path: str, body: Json, token_file: str | None) -> Json:
    with session.registry() as registry:
        if token_file is None:
            return registry.call("POST", path, body=body).body
        return registry.call_as(read_secret(token_file), "POST", path, body=body).body


def _items(registry: Registry, query: dict[str, str], token_file: str | None) -> list[Json]:
    items: list[Json] = []
    cursor: str | None = ""
    token = read_secret(token_file) if token_file is not None else None
    while cursor is not None:
        asked = {**query, "limit": str(_PAGE), **({"cursor": cursor} if cursor else {})}
        path = f"/v1/connections?{urlencode(asked)}"
        page = (registry.call_as(token, "GET", path) if token is not None else registry.call("GET", path)).body
        items += page.get("items", [])
        cursor = page.get("next_cursor")
    return items


def _pair(path: str) -> Json:
    user, colon, password = _text(path).rstrip("\r\n").partition(":")
    if not colon:
        raise Failure("the file does not hold `user:password`", where=visible(path))
    return {"username": user, "password": password}


def _certificate(certificate: str | None, key: str | None) -> Json | None:
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        raise Failure("a client certificate needs both files", next_step="give --certificate-file and --key-file")
    return {"certificate": _text(certificate), "key": _text(key)}


def _object(path: str) -> Json:
    try:
        found = json.loads(_text(path))
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise Failure("the file does not hold a JSON object", where=visible(path))
    return found


def _text(path: str) -> str:
    try:
        return (Path("/dev/stdin") if path == "-" else Path(path)).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Failure(f"cannot read it ({type(error).__name__})", where=visible(path)) from None

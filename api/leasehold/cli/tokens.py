"""`leasehold token`: what can be done with tokens. They come in by file or stdin, never as an argument."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from leasehold.cli.connection import Json, read_secret, token_of
from leasehold.cli.examples import EXAMPLES
from leasehold.cli.exchanging import Wanted, exchange_form
from leasehold.cli.exits import Failure
from leasehold.cli.possession import DpopKey, held_key, held_or_made_key
from leasehold.cli.safe_text import visible
from leasehold.cli.session import session_of
from leasehold.cli.simulations import told_simulation

app = typer.Typer(no_args_is_help=True, help="Exchange, introspect, simulate and revoke tokens.")

AsJson = Annotated[bool, typer.Option("--json", help="The whole answer as JSON on stdout.")]
TokenFile = Annotated[str, typer.Option("--token-file", help="A file that holds the token; `-` for stdin.")]


@app.command("exchange", epilog=EXAMPLES["token exchange"])
def exchange(  # noqa: PLR0913  each is an option
    context: typer.Context,
    *,
    resource: Annotated[
        str | None, typer.Option(help="URL of the tool server [default: the registry's own API].")
    ] = None,
    subject_token_file: Annotated[
        str | None, typer.Option(help="File with the workload's own token [LEASEHOLD_OIDC_TOKEN_FILE].")
    ] = None,
    actor_token_file: Annotated[
        str | None,
        typer.Option(help="File with a sub-agent's own token: the subject token is an access token, handed on to it."),
    ] = None,
    scope: Annotated[str | None, typer.Option(help="Ask for less: scopes, separated by spaces.")] = None,
    authorization_details: Annotated[
        Path | None, typer.Option(help="JSON file (RFC 9396): what exactly to ask for, down to arguments.")
    ] = None,
    client_id: Annotated[str | None, typer.Option(help="The agent, if the workload may become several.")] = None,
    stack: Annotated[str | None, typer.Option(help="The stack, if the workload may write several.")] = None,
    task: Annotated[str | None, typer.Option(help="What the lease is for; it ends with the task.")] = None,
    task_deadline: Annotated[
        str | None, typer.Option(help="When the task is over, such as 2027-05-01T12:00:00Z; for the first to name it.")
    ] = None,
    dpop_key: DpopKey = None,
    json_: AsJson = False,
) -> None:
    """Trade the workload's own token for a short one (RFC 8693). Without --json stdout is the token alone."""
    session = session_of(context)
    path = subject_token_file or session.environment.oidc_token_file
    if path is None:
        raise Failure("whose token?", next_step="give --subject-token-file, or set LEASEHOLD_OIDC_TOKEN_FILE")
    key = held_or_made_key(dpop_key) if dpop_key is not None else None
    with session.registry() as registry:
        wanted = Wanted(
            resource=resource or f"{registry.endpoint}/v1",
            subject_token_file=path,
            actor_token_file=actor_token_file,
            scope=scope,
            authorization_details=authorization_details,
            client_id=client_id,
            stack=stack or (session.environment.stack if resource is None else None),
            task=task,
            task_deadline=task_deadline,
        )
        answer = registry.grant(exchange_form(wanted), key)
    if json_:
        session.emit(answer)
        return
    session.say(f"{visible(answer.get('scope', ''), 2_000)}, for {visible(answer.get('expires_in', '?'))} s")
    session.say(f"lease {visible(answer.get('lease', '?'))}")
    if key is not None:
        session.say(f"bound to key {key.thumbprint}")
    session.out.write(f"{visible(token_of(answer), 100_000)}\n")


@app.command("proof", epilog=EXAMPLES["token proof"])
def proof(
    context: typer.Context,
    *,
    dpop_key: Annotated[Path, typer.Option(help="File with the private key that the token is bound to.")],
    url: Annotated[str, typer.Option(help="Where the request goes; query and fragment are left out.")],
    method: Annotated[str, typer.Option(help="Its method.")] = "POST",
    token_file: Annotated[
        str | None, typer.Option(help="A file with the token that it presents; `-` for stdin.")
    ] = None,
    nonce: Annotated[str | None, typer.Option(help="What the server asked for in DPoP-Nonce.")] = None,
) -> None:
    """Prove that you hold the key of a token (RFC 9449), for one request to any server: alone on stdout."""
    token = read_secret(token_file) if token_file is not None else None
    session_of(context).out.write(f"{held_key(dpop_key).proof(method, url, token=token, nonce=nonce)}\n")


@app.command("identity", epilog=EXAMPLES["token identity"])
def identity(
    context: typer.Context,
    *,
    audience: Annotated[
        str | None, typer.Option(help="Who is to take it [LEASEHOLD_OIDC_AUDIENCE, else the registry].")
    ] = None,
) -> None:
    """Ask GitHub Actions who this job is: its OpenID Connect token, fresh, alone on stdout."""
    session = session_of(context)
    session.out.write(f"{session.environment.job_token(audience, session.transport)}\n")


@app.command("introspect", epilog=EXAMPLES["token introspect"])
def introspect(context: typer.Context, *, token_file: TokenFile, json_: AsJson = False) -> None:
    """Ask whether a token is alive, and what it may do (RFC 7662)."""
    session = session_of(context)
    with session.registry() as registry:
        answer = registry.post_form("/oauth2/introspect", {"token": read_secret(token_file)}, authenticated=True)
    if json_:
        session.emit(answer)
    else:
        session.out.write(_told(answer))


@app.command("simulate", epilog=EXAMPLES["token simulate"])
def simulate(context: typer.Context, *, token_file: TokenFile, json_: AsJson = False) -> None:
    """Ask what a workload's token would get: which bindings match it, and what the others miss."""
    session = session_of(context)
    with session.registry() as registry:
        body = {"token": read_secret(token_file)}
        answer = registry.call("POST", "/v1/trust-issuers:simulate", body=body).body
    if json_:
        session.emit(answer)
    else:
        session.out.write(told_simulation(answer))


@app.command("revoke", epilog=EXAMPLES["token revoke"])
def revoke(context: typer.Context, *, token_file: TokenFile, json_: AsJson = False) -> None:
    """End the lease behind a token (RFC 7009). Whoever holds the token may."""
    session = session_of(context)
    with session.registry() as registry:
        registry.post_form("/oauth2/revoke", {"token": read_secret(token_file)}, authenticated=False)
    if json_:
        session.emit({"revoked": True})
    else:
        session.out.write("the token is dead\n")


def _told(answer: Json) -> str:
    if answer.get("active") is not True:
        return "dead\n"
    lines = [f"{visible(key)}  {visible(value, 2_000)}" for key, value in answer.items() if key != "active"]
    return "\n".join(["alive", *lines]) + "\n"

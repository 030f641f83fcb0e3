"""`leasehold credential`: draw credentials of other systems as an agent, and see who holds which."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated
from urllib.parse import urlencode

import typer

from leasehold.cli.connection import JWT, TOKEN_EXCHANGE, Json, Registry, read_secret, segment, token_of
from leasehold.cli.examples import EXAMPLES
from leasehold.cli.exits import Failure
from leasehold.cli.possession import DpopKey, ProofKey, held_key, held_or_made_key
from leasehold.cli.safe_text import visible
from leasehold.cli.session import Session, session_of

app = typer.Typer(no_args_is_help=True, help="Draw credentials of other systems; see who holds which.")

_PAGE = 500
Agent = Annotated[str | None, typer.Option("--agent", help="The agent, if the workload may become several.")]
TokenFile = Annotated[
    str | None,
    typer.Option("--token-file", help="A file with the agent's access token [default: exchange the workload's]."),
]
Ttl = Annotated[int | None, typer.Option("--ttl", min=1, help="Ask for a shorter life, in seconds.")]


@app.command("aws", epilog=EXAMPLES["credential aws"])
def aws(
    context: typer.Context,
    *,
    profile: Annotated[str, typer.Option(help="The credential profile.")],
    agent: Agent = None,
    token_file: TokenFile = None,
    dpop_key: DpopKey = None,
    ttl: Ttl = None,
) -> None:
    """Print an AWS session as a `credential_process` does, so that any AWS SDK and the AWS CLI just work."""
    session = session_of(context)
    drawn = _drawn(session, profile, "?format=credential_process", _Holder(agent, token_file, dpop_key), ttl)
    session.out.write(json.dumps(drawn, ensure_ascii=True) + "\n")


@app.command("get", epilog=EXAMPLES["credential get"])
def get(
    context: typer.Context,
    profile: Annotated[str, typer.Argument(help="The credential profile.")],
    *,
    agent: Agent = None,
    token_file: TokenFile = None,
    dpop_key: DpopKey = None,
    ttl: Ttl = None,
) -> None:
    """Draw a credential; the answer, with the secret in it, is JSON on stdout."""
    session = session_of(context)
    drawn = _drawn(session, profile, "", _Holder(agent, token_file, dpop_key), ttl)
    session.emit(drawn)
    late = visible(drawn.get("live_until", "?"))
    session.say(f"lease {visible(drawn.get('lease', '?'))}; dead by {late} at the latest")


@app.command("list", epilog=EXAMPLES["credential list"])
def list_(
    context: typer.Context,
    *,
    agent: Annotated[str | None, typer.Option(help="Only what this agent holds.")] = None,
    profile: Annotated[str | None, typer.Option(help="Only what was drawn through this profile.")] = None,
    state: Annotated[str | None, typer.Option(help="live, ending, expiring, ended, ...")] = None,
    json_: Annotated[bool, typer.Option("--json", help="The answer as JSON on stdout.")] = False,
) -> None:
    """Who holds what of other systems, and until when it lives. No secret is in the answer."""
    session = session_of(context)
    asked = {"agent": agent, "profile": profile, "state": state}
    with session.registry() as registry:
        items = _items(registry, {key: value for key, value in asked.items() if value is not None})
    if json_:
        session.emit({"items": items})
        return
    for one in items:
        session.out.write("  ".join(visible(one[key]) for key in ("state", "agent", "profile", "reference")))
        session.out.write(f"  until {visible(one['live_until'])}\n")


@dataclass(frozen=True, slots=True)
class _Holder:
    """As which agent, and on the strength of what, a credential is drawn."""

    agent: str | None
    token_file: str | None
    dpop_key: Path | None

    def key(self) -> ProofKey | None:
        """The key that the token is bound to, or is going to be."""
        if self.dpop_key is None:
            return None
        return held_key(self.dpop_key) if self.token_file is not None else held_or_made_key(self.dpop_key)

    def token(self, session: Session, registry: Registry, key: ProofKey | None) -> str:
        """An access token for the door where credentials are drawn."""
        if self.token_file is not None:
            return read_secret(self.token_file)
        path = session.environment.oidc_token_file
        if path is None:
            raise Failure("whose token?", next_step="give --token-file, or set LEASEHOLD_OIDC_TOKEN_FILE")
        form = {
            "grant_type": TOKEN_EXCHANGE,
            "subject_token": read_secret(path),
            "subject_token_type": JWT,
            "resource": f"{registry.endpoint}/v1/credentials",
            **({"client_id": self.agent} if self.agent is not None else {}),
        }
        return token_of(registry.grant(form, key))


def _drawn(session: Session, profile: str, query: str, holder: _Holder, ttl: int | None) -> Json:
    with session.registry() as registry:
        path = f"/v1/credentials/{segment(profile)}{query}"
        body = {"ttl": ttl} if ttl is not None else None
        key = holder.key()
        token = holder.token(session, registry, key)
        if key is None:
            return registry.call_as(token, "POST", path, body=body).body
        return registry.call_holding(key, token, "POST", path, body=body).body


def _items(registry: Registry, query: dict[str, str]) -> list[Json]:
    items: list[Json] = []
    cursor: str | None = ""
    while cursor is not None:
        asked = {**query, "limit": str(_PAGE), **({"cursor": cursor} if cursor else {})}
        page = registry.call("GET", f"/v1/credentials?{urlencode(asked)}").body
        items += page.get("items", [])
        cursor = page.get("next_cursor")
    return items

"""What `leasehold token exchange` asks for: a workload's own token traded, or a token of an agent handed on."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from pathlib import Path

from leasehold.cli.connection import JWT, TOKEN_EXCHANGE, read_secret
from leasehold.cli.exits import Failure
from leasehold.cli.safe_text import visible

ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105  RFC 8693 §3: a name, no secret
_STDIN = "-"
_ACCESS_TOKEN_TYP = "at+jwt"  # noqa: S105  RFC 9068 §2.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the options say. With an actor token, the subject token is an access token that is handed on."""

    resource: str
    subject_token_file: str
    actor_token_file: str | None = None
    scope: str | None = None
    authorization_details: Path | None = None
    client_id: str | None = None
    stack: str | None = None
    task: str | None = None
    task_deadline: str | None = None


def exchange_form(wanted: Wanted) -> dict[str, str]:
    """The form of a token exchange (RFC 8693 §2.1). Raises `Failure` for what could only be refused."""
    if (wanted.subject_token_file, wanted.actor_token_file) == (_STDIN, _STDIN):
        raise Failure("stdin holds one token", next_step="put the other into a file")
    if wanted.task_deadline is not None and (wanted.task is None or wanted.actor_token_file is not None):
        raise Failure("--task-deadline belongs to the request that opens a --task")
    asked = {
        "grant_type": TOKEN_EXCHANGE,
        "subject_token": read_secret(wanted.subject_token_file),
        "subject_token_type": JWT if wanted.actor_token_file is None else ACCESS_TOKEN,
        "resource": wanted.resource,
        "scope": wanted.scope,
        "client_id": wanted.client_id,
        "stack": wanted.stack,
        "task": wanted.task,
        "task_deadline": wanted.task_deadline,
        **_actor(wanted.actor_token_file),
        **_details(wanted.authorization_details),
    }
    return {name: value for name, value in asked.items() if value is not None}


def _actor(path: str | None) -> dict[str, str]:
    if path is None:
        return {}
    token = read_secret(path)
    return {"actor_token": token, "actor_token_type": ACCESS_TOKEN if _is_access_token(token) else JWT}


def _is_access_token(token: str) -> bool:
    """Whether a token calls itself one. The registry checks what it is; this only says how to present it."""
    head = token.partition(".")[0]
    try:
        found = json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))
    except ValueError:
        return False
    return isinstance(found, dict) and found.get("typ") == _ACCESS_TOKEN_TYP


def _details(path: Path | None) -> dict[str, str]:
    if path is None:
        return {}
    try:
        found = json.loads(path.read_bytes())
    except OSError as error:
        raise Failure(f"cannot be read ({error.strerror})", where=visible(path)) from None
    except (ValueError, RecursionError):
        raise Failure("is not JSON", where=visible(path)) from None
    if not isinstance(found, list):
        raise Failure("is not a list of authorization_details", where=visible(path))
    return {"authorization_details": json.dumps(found)}

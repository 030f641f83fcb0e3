"""A refusal of the registry, told to a person: what, where, and what to do next."""

from __future__ import annotations

from typing import Any

import httpx

from leasehold.cli.exits import Failure
from leasehold.cli.safe_text import visible

NEXT_STEPS = {
    "unauthenticated": "get a new token: `leasehold token exchange`, or set LEASEHOLD_OIDC_TOKEN_FILE",
    "forbidden": "`leasehold whoami` shows your role; ask someone whose role allows this",
    "not_found": "`leasehold object list KIND` shows what is there",
    "precondition_failed": "look at what changed since, then run the command again",
    "precondition_required": "run the command again: it reads the revision first",
    "managed_elsewhere": "change it in the stack that manages it",
    "in_use": "remove what refers to it first",
    "above_ceiling": "narrow the grant, or ask a security-admin to raise the ceiling",
    "unavailable": "try again in a moment; nothing was written",
    "too_large": "send less at once",
}
_LIST_SHOWN = 10


def failure_of(response: httpx.Response, where: str) -> Failure:
    """The failure that a problem document (RFC 9457) tells of."""
    problem = _document(response)
    code = str(problem.get("code", ""))
    what = visible(problem.get("detail") or problem.get("title") or f"the registry answered {response.status_code}")
    if code:
        what = f"{what} ({visible(code, 40)})"
    lines = [what, *_details(problem)]
    return Failure("\n  ".join(lines), where=visible(where), next_step=NEXT_STEPS.get(code, ""))


def wants_nonce(response: httpx.Response) -> bool:
    """Whether the proof lacked the nonce of a token endpoint, or of a resource (RFC 9449 §8, §9)."""
    challenge = response.headers.get("www-authenticate", "")
    error = _document(response).get("error") if response.is_client_error else None
    return error == "use_dpop_nonce" or 'error="use_dpop_nonce"' in challenge


def oauth_failure_of(response: httpx.Response, where: str) -> Failure:
    """The failure that an OAuth error (RFC 6749 §5.2) tells of."""
    document = _document(response)
    what = visible(document.get("error_description") or document.get("error") or f"answered {response.status_code}")
    code = visible(document.get("error", ""), 40)
    step = "the registry's audit log knows the reason" if code == "invalid_grant" else ""
    return Failure(f"{what} ({code})" if code and code != what else what, where=visible(where), next_step=step)


def _details(problem: dict[str, Any]) -> list[str]:  # Any: a parsed problem document
    """What stands in the extra members, line by line."""
    lines = [
        f"{visible(one.get('path') or 'body')}: {visible(one.get('message', ''))}" for one in _dicts(problem, "errors")
    ]
    for revised in _dicts(problem, "changed_since"):
        who, when = visible(revised.get("by", "?")), visible(revised.get("at", "?"))
        lines.append(f"revision {visible(revised.get('revision', '?'))} by {who} at {when}")
        lines += [f"  {visible(one.get('path', ''))}: {_change(one)}" for one in _dicts(revised, "changes")]
    return lines[:_LIST_SHOWN]


def _change(change: dict[str, Any]) -> str:  # Any: as above
    return f"{visible(change.get('before'))} -> {visible(change.get('after'))}"


def _dicts(document: dict[str, Any], key: str) -> list[dict[str, Any]]:  # Any: as above
    found = document.get(key)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _document(response: httpx.Response) -> dict[str, Any]:  # Any: as above
    try:
        parsed = response.json()
    except ValueError:
        return {}
    return parsed if isinstance(parsed, dict) else {}

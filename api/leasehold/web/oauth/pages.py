"""The few pages that people see: minimal HTML without scripts, everything escaped, framed by nobody."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from urllib.parse import urlsplit

from leasehold.exchange.authorizing import Question
from leasehold.limit_words import limits_of
from leasehold.model.access import Reach
from leasehold.model.authority.constraints import MAX_VALUES
from leasehold.model.authority.plain import plain_of
from leasehold.model.redirects import is_loopback
from leasehold.model.tools import Action

_SAFE = {
    "content-type": "text/html; charset=utf-8",
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",  # with no-referrer, browsers send `Origin: null` with the answer
    "cross-origin-opener-policy": "same-origin",
}
_POLICY = "default-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action {}"
_WORDS = {
    Action.READ: "read",
    Action.WRITE: "change",
    Action.DELETE: "delete",
    Action.EXECUTE: "run",
}


@dataclass(frozen=True, slots=True)
class Page:
    """A page, or the way to another."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(default=b"", repr=False)


def message_page(status: int, message: str) -> Page:
    """One sentence."""
    return page(status, "'none'", f"<h1>Leasehold</h1><p>{escape(message)}</p>")


def redirect_page(url: str, cookie: str | None = None) -> Page:
    """To another address; 303, so that what was posted here is not posted there."""
    headers = {"location": url, "cache-control": "no-store", "referrer-policy": "no-referrer"}
    return Page(303, headers if cookie is None else {**headers, "set-cookie": cookie})


def consent_page(question: Question, action: str) -> Page:
    """Who asks, who answers for it, for what, in words; and two buttons. `action`: where the answer goes."""
    facts, pending = question.view.facts, question.pending
    owner = f"{facts.owner.display_name} ({facts.owner.email}, team {facts.owner.team})"
    tools = "".join(f"<li>{line}</li>" for line in _tools(question))
    about = f"<p>{escape(facts.agent.description)}</p>" if facts.agent.description else ""
    body = (
        f"<h1>Let the agent {escape(facts.name)} act for you?</h1>{about}"
        f"{_client(question)}"
        f"<p>{escape(owner)} answers for it. You are {escape(pending.get('user').removeprefix('user:'))}.</p>"
        f"<p>On {escape(pending.resource)} it could, for you:</p><ul>{tools}</ul>"
        "<p>It gets no other tool, and never your password. Places and limits are those of today: your organisation "
        "may change them. You can take this back at any time.</p>"
        f'<form method="post" action="{escape(action)}">'
        f'<input type="hidden" name="ticket" value="{escape(question.ticket)}">'
        '<button name="answer" value="allow">Allow</button> <button name="answer" value="deny">Do not allow</button>'
        "</form>"
    )
    return page(200, f"'self' {_origin(pending.redirect_uri)}", body)


def _client(question: Question) -> str:
    """Where a client with a metadata document lives: a name anybody can choose, a host nobody can.

    Of a public client, also where the answer goes: who listens there is who acts, whatever it calls itself.
    """
    client, back = question.client, question.pending.redirect_uri
    host = urlsplit(client.client_id).netloc
    asks = f"<p>It asks from <b>{escape(host)}</b>.</p>" if host else ""
    if not client.public:
        return asks
    where = "a program on this computer" if is_loopback(back) else urlsplit(back).netloc
    name = f" It calls itself <b>{escape(client.name)}</b>; nobody has checked that." if client.name else ""
    return (
        f"{asks}<p>The answer goes to <b>{escape(where)}</b>, which will act for you.{name} "
        "If you did not just start this yourself, do not allow it.</p>"
    )


def _tools(question: Question) -> list[str]:
    servers = {server.url: server for server in question.view.facts.servers.values()}
    server = servers.get(question.pending.resource)
    lines = []
    for scope in sorted(question.pending.scopes):
        tool, _, action = scope.removeprefix("mcp:tool:").rpartition(":")
        listed = server.tools.get(tool) if server is not None else None
        verb = _WORDS[listed.action] if listed is not None else action
        said = f": {escape(listed.description)}" if listed is not None and listed.description else ""
        places = [_place(one) for one in question.reach if one.tool == tool]
        where = "; or ".join(places) if places else "nowhere at present"
        lines.append(f"{escape(verb)} with <b>{escape(tool)}</b>{said}<br>{where}")
    return lines


def _place(reach: Reach) -> str:
    where = "everywhere" if reach.resource == "*" else f"on {_live(reach.resource)}"
    return where + limits_of(plain_of(reach.constraints), _live, most=MAX_VALUES)  # whoever consents is shown all


def _live(text: str) -> str:
    return f"<b>{escape(text)}</b>"


def page(status: int, form_action: str, body: str) -> Page:
    """A page of ours around `body`, which is HTML; its forms go where `form_action` (of CSP) says."""
    text = f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Leasehold</title></head><body>{body}'
    headers = {**_SAFE, "content-security-policy": _POLICY.format(form_action)}
    return Page(status, headers, f"{text}</body></html>\n".encode())


def _origin(url: str) -> str:
    """Where a form may lead on to, as CSP says it; its grammar has no IPv6 addresses (CSP3 §2.3.1)."""
    parts = urlsplit(url)
    return f"{parts.scheme}:" if "[" in parts.netloc else f"{parts.scheme}://{parts.netloc}"

"""The pages that people see when they connect an account."""

from __future__ import annotations

from html import escape

from leasehold.broker.connecting import Offer
from leasehold.model.connections import Connection, Personal
from leasehold.web.oauth.pages import Page, page

CONNECT = "/connect"


def connect_page(offer: Offer, issuer: str, cookie: str | None = None) -> Page:
    """Whose account is going to be connected, to what, for whom, in words; and one button."""
    where = f"<b>{escape(offer.tool_server)}</b> (at {escape(offer.host)})"
    if isinstance(offer.holder, Personal):
        you = escape(offer.holder.user.removeprefix("user:"))
        said = (
            f"<h1>Connect your account at {escape(offer.tool_server)}?</h1>"
            f"<p>You are {you}. Agents that act for you could then use your "
            f"account at {where}, within what they may do. Nobody else's agents can, and you can take it back.</p>"
        )
    else:
        said = (
            f"<h1>Share an account at {escape(offer.tool_server)}?</h1>"
            f"<p>{escape(offer.by)} asks for it. The account that you log in with there is kept as <b>"
            f"{escape(offer.holder.name)}</b>, and agents that it is promoted for use it as their own at {where}: "
            "never go on with an account of yours that is not meant for that.</p>"
        )
    body = (
        f"{said}<p>You go on to the other side, which asks you to log in there.</p>"
        f'<form method="post" action="{escape(issuer + CONNECT)}">'
        f'<input type="hidden" name="ticket" value="{escape(offer.ticket)}">'
        '<button name="answer" value="connect">Go on</button></form>'
    )
    # The button leads to whatever authorization server the tool server names, over redirects of its own.
    shown = page(200, "'self' https:" + (" http:" if issuer.startswith("http:") else ""), body)
    return shown if cookie is None else Page(shown.status, {**shown.headers, "set-cookie": cookie}, shown.body)


def connected_page(connection: Connection) -> Page:
    """It worked."""
    whose = "Your account" if isinstance(connection.holder, Personal) else "The shared account"
    text = f"{whose} at {escape(connection.tool_server)} is connected. You can close this page."
    return page(200, "'none'", f"<h1>Leasehold</h1><p>{text}</p>")

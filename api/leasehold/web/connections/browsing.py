"""`/connect`: what people come to with a browser, to connect an account at a tool server.

| address | who comes |
|---|---|
| `GET /connect/{tool server}` | a person: to the login, then to the question |
| `GET /connect?ticket=` | whom an administrator asked to connect what will be shared |
| `POST /connect` | the answer to the question: on to the other side |
| `GET /connect/{tool server}/callback` | back from there |
| `GET /connect/{tool server}/client.json` | authorization servers: who we are |
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

import orjson

from leasehold.broker.clients import Clients
from leasehold.broker.connecting import Connecting, ConnectRefused
from leasehold.exchange.logging_in import AuthorizationRefused
from leasehold.model.errors import InvalidValue, LeaseholdError
from leasehold.model.names import check_name
from leasehold.web.asgi import Application, Receive, Scope, Send
from leasehold.web.connections.pages import CONNECT, connect_page, connected_page
from leasehold.web.oauth.browsers import Browsers, query_of
from leasehold.web.oauth.forms import InvalidRequest, read_form
from leasehold.web.oauth.pages import Page, message_page, redirect_page
from leasehold.web.oauth.people import People

_log = logging.getLogger(__name__)
_CACHED = {"content-type": "application/json", "cache-control": "public, max-age=300"}


def connect_app(
    *, issuer: str, people: People, connecting: Connecting, clients: Clients, clock: Callable[[], datetime]
) -> Application:
    """The application. Everything it answers is a page, but for our own document."""
    pages = _Pages(issuer, people, connecting, clients, clock)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await _send(send, await pages.page(scope, receive))

    return app


class _Pages:
    def __init__(
        self, issuer: str, people: People, connecting: Connecting, clients: Clients, clock: Callable[[], datetime]
    ) -> None:
        self._issuer = issuer
        self._people = people
        self._connecting = connecting
        self._clients = clients
        self._clock = clock
        self._browsers = Browsers(issuer)

    async def page(self, scope: Scope, receive: Receive) -> Page:
        """What this request is shown."""
        try:
            return await self._routed(scope, receive)
        except (AuthorizationRefused, ConnectRefused, InvalidRequest) as refused:
            return message_page(400, str(refused))
        except LeaseholdError as error:
            _log.warning("a person was not led on: %s", error)
            return message_page(503, "this does not work right now: try again in a while")
        except Exception as error:  # noqa: BLE001  whatever broke, nobody is shown what
            _log.error("unexpected %s", type(error).__name__, exc_info=error)
            return message_page(500, "something broke on our side")

    async def _routed(self, scope: Scope, receive: Receive) -> Page:
        path, method = scope["path"].removeprefix(CONNECT), scope["method"]
        if (path, method) == ("", "POST"):
            return await self._answered(scope, receive)
        if (path, method) == ("", "GET"):
            return await self._invited(scope)
        empty, *parts = path.split("/")
        if empty or method != "GET" or not parts or not _is_name(parts[0]):
            return message_page(404, "nothing is here")
        return await self._at_server(parts[0], parts[1:], scope)

    async def _at_server(self, server: str, rest: list[str], scope: Scope) -> Page:
        match rest:
            case []:
                return await self._people.log_in(server, query_of(scope).get("issuer"))
            case ["callback"]:
                return await self._arrived(server, scope)
            case ["client.json"]:
                return Page(200, _CACHED, orjson.dumps(self._clients.document(server)))
            case _:
                return message_page(404, "nothing is here")

    async def _invited(self, scope: Scope) -> Page:
        offer = await self._connecting.open(query_of(scope).get("ticket", ""), self._clock())
        return connect_page(offer, self._issuer, self._browsers.cookie(offer.browser or ""))

    async def _answered(self, scope: Scope, receive: Receive) -> Page:
        self._browsers.check_origin(scope)
        form, browser = await read_form(scope, receive), self._browsers.of(scope)
        if form.get("answer") != "connect":
            raise ConnectRefused("this answer is not understood")
        return redirect_page(await self._connecting.depart(form.get("ticket", ""), browser, self._clock()))

    async def _arrived(self, server: str, scope: Scope) -> Page:
        browser = self._browsers.of(scope)
        return connected_page(await self._connecting.arrive(server, query_of(scope), browser, self._clock()))


def _is_name(text: str) -> bool:
    try:
        check_name(text)
    except InvalidValue:
        return False
    return True


async def _send(send: Send, page: Page) -> None:
    headers = {**page.headers, "content-length": str(len(page.body))}
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": page.status, "headers": raw})
    await send({"type": "http.response.body", "body": page.body})

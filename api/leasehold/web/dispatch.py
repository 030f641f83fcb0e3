"""One ASGI app of two planes: FastAPI for control, plain ASGI where every microsecond counts."""

from __future__ import annotations

from leasehold.web.asgi import Application, Receive, Scope, Send

_HOT = ("/oauth2/", "/.well-known/")


def dispatch(control: Application, hot: Application) -> Application:
    """Give each request to its plane; lifespan events go to the control plane."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        plane = hot if scope["type"] == "http" and scope["path"].startswith(_HOT) else control
        await plane(scope, receive, send)

    return app

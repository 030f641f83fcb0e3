"""One ASGI app of two planes: FastAPI for control, plain ASGI where every microsecond counts."""

from __future__ import annotations

from collections.abc import Mapping

from leasehold.web.asgi import Application, Receive, Scope, Send


def dispatch(control: Application, hot: Mapping[str, Application]) -> Application:
    """Give each request to its plane: the hot ones by the beginning of their paths. Lifespan events go to control."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await _plane(scope, control, hot)(scope, receive, send)

    return app


def _plane(scope: Scope, control: Application, hot: Mapping[str, Application]) -> Application:
    if scope["type"] == "http":
        for beginning, plane in hot.items():
            if scope["path"].startswith(beginning):
                return plane
    return control

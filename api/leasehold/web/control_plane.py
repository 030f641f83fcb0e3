"""The control plane as one FastAPI application."""

from __future__ import annotations

import logging

from fastapi import Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from leasehold.model.errors import LeaseholdError
from leasehold.web.agent_client_routes import agent_client_routes
from leasehold.web.audit_routes import audit_routes
from leasehold.web.bootstrap_routes import bootstrap_routes
from leasehold.web.client_secret_routes import client_secret_routes
from leasehold.web.credential_routes import credential_routes
from leasehold.web.decision_routes import decision_routes
from leasehold.web.doors import Doors
from leasehold.web.export_routes import export_routes
from leasehold.web.heartbeat_routes import heartbeat_routes
from leasehold.web.keeping_routes import keeping_routes
from leasehold.web.object_routes import object_routes
from leasehold.web.openapi import complete
from leasehold.web.policy_routes import policy_routes
from leasehold.web.problems import problem_response
from leasehold.web.queries import refuse_unknown, refuse_unprintable
from leasehold.web.refusals import InvalidQuery, MethodNotAllowed, RouteNotFound
from leasehold.web.registry_routes import registry_routes
from leasehold.web.review_routes import review_router
from leasehold.web.simulation_routes import simulation_routes
from leasehold.web.surface_routes import surface_routes
from leasehold.web.task_routes import task_routes

_METHOD_NOT_ALLOWED = 405
_log = logging.getLogger(__name__)


def control_plane(doors: Doors) -> FastAPI:
    """Every route of `/v1`, and `/healthz`."""
    app = FastAPI(
        title="Leasehold registry",
        version="1",
        openapi_url=None,  # published in schemas/, not served: what we run is nobody's to enumerate
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    # Dependencies run before FastAPI looks at parameters: who is calling comes before what is wrong with the call.
    known = [Depends(doors.caller), Depends(refuse_unprintable), Depends(refuse_unknown)]
    for router in (
        client_secret_routes(doors),
        agent_client_routes(doors),
        simulation_routes(doors),
        surface_routes(doors),
        policy_routes(doors),
        decision_routes(doors),
        registry_routes(doors),
        audit_routes(doors),
        keeping_routes(doors),
        export_routes(doors),
        review_router(doors),
        object_routes(doors),
    ):
        app.include_router(router, dependencies=known)
    app.include_router(credential_routes(doors))
    for router in (task_routes(doors), heartbeat_routes(doors)):
        app.include_router(router, dependencies=[Depends(refuse_unprintable), Depends(refuse_unknown)])
    app.include_router(bootstrap_routes(doors), dependencies=[Depends(refuse_unknown)])
    app.add_exception_handler(LeaseholdError, _refused)
    app.add_exception_handler(RequestValidationError, _invalid_query)
    app.add_exception_handler(HTTPException, _no_route)
    app.add_exception_handler(Exception, _broken)
    complete(app)
    return app


async def _refused(_request: Request, error: Exception) -> Response:
    if not isinstance(error, LeaseholdError):
        raise error
    return problem_response(error)


async def _invalid_query(_request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    first = error.errors()[0]
    return problem_response(InvalidQuery(f"query parameter `{first['loc'][-1]}`: {first['msg']}"))


async def _no_route(_request: Request, error: Exception) -> Response:
    if isinstance(error, HTTPException) and error.status_code == _METHOD_NOT_ALLOWED:
        response = problem_response(MethodNotAllowed("this path knows no such method"))
        response.headers.update(error.headers or {})
        return response
    return problem_response(RouteNotFound("nothing lives at this path"))


async def _broken(_request: Request, error: Exception) -> Response:
    _log.error("unexpected %s", type(error).__name__, exc_info=error)
    return problem_response(LeaseholdError("something broke on our side; the log says more"))

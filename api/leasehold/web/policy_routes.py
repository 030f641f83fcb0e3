"""`POST /v1/policies:check`: what is wrong with policies before anybody publishes them. A read; it writes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from leasehold.model.errors import FieldError, InvalidBody, InvalidValue
from leasehold.model.names import check_name
from leasehold.model.plain import plain
from leasehold.model.policies import Policy, check_document
from leasehold.model.tools import ToolServer
from leasehold.policy.cedar.statements import DocumentRefused, formatted
from leasehold.policy.platform import PlatformAction
from leasehold.policy.statements import statements, too_deep
from leasehold.registry.policies import Proposal, check_policies
from leasehold.web import openapi
from leasehold.web.bodies import BODY_LIMIT, Json, parse_as, read_json
from leasehold.web.documents import json_response
from leasehold.web.doors import Doors

_LIMIT = 4 * BODY_LIMIT
_MOST = {"policies": 16, "tool_servers": 1000}  # whoever may read may ask: what one question costs is bounded
T = TypeVar("T", Policy, ToolServer)


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentBody:
    """A Cedar document."""

    __pydantic_config__: ClassVar[dict[str, object]] = {"extra": "forbid", "str_max_length": BODY_LIMIT}
    document: str

    def __post_init__(self) -> None:
        check_document(self.document)


def policy_routes(doors: Doors) -> APIRouter:
    """These routes."""
    router = APIRouter()

    async def check(request: Request) -> Response:
        """What is wrong with proposed policies, beside the tool servers as they would be by then."""
        caller = await doors.caller(request)
        await doors.permit(caller, PlatformAction.READ, "policies", "")
        proposal = _proposal(await read_json(request, _LIMIT))
        checked = await run_in_threadpool(check_policies, doors.store, doors.policies, proposal, doors.clock())
        return json_response(
            {
                "policy_version": checked.version,
                "policies": [
                    {"name": name, "problems": [plain(problem) for problem in problems]}
                    for name, problems in checked.problems.items()
                ],
            }
        )

    async def format_document(request: Request) -> Response:
        """A document as Cedar's own formatter lays it out."""
        caller = await doors.caller(request)
        await doors.permit(caller, PlatformAction.READ, "policies", "")
        body = parse_as(DocumentBody, await read_json(request))
        return json_response({"document": await run_in_threadpool(_formatted, body.document)})

    router.add_api_route(
        "/v1/policies:check",
        check,
        methods=["POST"],
        response_class=Response,
        response_model=None,
        **openapi.policy_check_operation(),
    )
    router.add_api_route(
        "/v1/policies:format",
        format_document,
        methods=["POST"],
        response_class=Response,
        response_model=None,
        **openapi.policy_format_operation(),
    )
    return router


def _formatted(document: str) -> str:
    if any(too_deep(one) for one in statements(document)):  # Cedar's parser would follow without a bound
        raise InvalidBody([FieldError("document", "nests deeper than a policy may")])
    try:
        return formatted(document)
    except DocumentRefused as refused:
        raise InvalidBody([FieldError("document", one.message, one.line) for one in refused.problems]) from None


def _proposal(body: Json) -> Proposal:
    if unknown := sorted(body.keys() - _MOST.keys()):
        raise InvalidBody([FieldError(unknown[0], "is not a field of this object")])
    if not body.get("policies"):
        raise InvalidBody([FieldError("policies", "must hold at least one policy")])
    return Proposal(
        policies=_named(body["policies"], "policies", Policy),
        tool_servers=_named(body.get("tool_servers", []), "tool_servers", ToolServer),
    )


def _named(items: Any, path: str, noun: type[T]) -> Mapping[str, T]:  # Any: what stood in the body
    if not isinstance(items, list) or not all(isinstance(one, dict) for one in items) or len(items) > _MOST[path]:
        raise InvalidBody([FieldError(path, f"must be an array of at most {_MOST[path]} objects")])
    found: dict[str, T] = {}
    for at, item in enumerate(items):
        name = _name(item.pop("name", None), f"{path}.{at}.name")
        if name in found:
            raise InvalidBody([FieldError(f"{path}.{at}.name", f"`{name}` stands twice")])
        found[name] = parse_as(noun, item, f"{path}.{at}")
    return found


def _name(value: object, path: str) -> str:
    try:
        check_name(value if isinstance(value, str) else "")
    except InvalidValue as error:
        raise InvalidBody([FieldError(path, str(error))]) from None
    return str(value)

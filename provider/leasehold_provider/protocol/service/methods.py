"""The table of RPCs: which call answers, and where it runs."""

from __future__ import annotations

from leasehold_provider.protocol.diagnostics import diagnostic_message
from leasehold_provider.protocol.grpc.server import INLINE, POOLED, HeldMethod, Method, StreamingMethod
from leasehold_provider.protocol.wire import protobuf

from .changes import ChangeCalls
from .checks import ValidationCalls
from .ephemerals import EphemeralCalls
from .failures import diagnose
from .function_calls import FunctionCalls
from .lifecycle import LifecycleCalls
from .listing import ListCalls
from .reads import ReadCalls
from .schemas import SchemaCalls

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from leasehold_provider.protocol.diagnostics import Diagnostic
    from leasehold_provider.protocol.grpc.server import AnyMethod

    from .leftovers import Leftovers
    from .run import Run

    Message = dict[str, Any]

PROVIDER = "/tfplugin6.Provider/"
CONTROLLER_SHUTDOWN = b"/plugin.GRPCController/Shutdown"
STREAM_STDIO = b"/plugin.GRPCStdio/StreamStdio"
HEALTH_CHECK = b"/grpc.health.v1.Health/Check"
_SERVING = b"\x08\x01"
"""HealthCheckResponse{status: SERVING}."""


def provider_methods(run: Run, leftovers: Leftovers, request_end: Callable[[], None]) -> dict[bytes, AnyMethod]:
    """Return every method we answer, by path; all others are UNIMPLEMENTED."""

    def shut_down(message: bytes) -> bytes:
        del message
        request_end()
        return b""

    methods: dict[bytes, AnyMethod] = {
        CONTROLLER_SHUTDOWN: Method(shut_down, INLINE),
        # Held, not ended: gRPC closes a connection it finds idle, and the last one closing is our end.
        STREAM_STDIO: HeldMethod(),
        HEALTH_CHECK: Method(lambda _: _SERVING, INLINE),
        _path("ListResource"): StreamingMethod(_streaming("ListResource", ListCalls(run).list_resource)),
    }
    for name, call in _inline_calls(run).items():
        methods[_path(name)] = Method(_unary(name, call), INLINE)
    for name, call in _pooled_calls(run, leftovers).items():
        methods[_path(name)] = Method(_unary(name, call), POOLED)
    methods[_path("PlanResourceChange")] = Method(
        _unary("PlanResourceChange", ChangeCalls(run).plan), _where_to_plan(run)
    )
    return methods


def _inline_calls(run: Run) -> dict[str, Callable[[Message], Message]]:
    schemas, checks, reads = SchemaCalls(run), ValidationCalls(run), ReadCalls(run)
    return {
        "GetMetadata": schemas.get_metadata,
        "GetProviderSchema": schemas.get_provider_schema,
        "GetFunctions": schemas.get_functions,
        "GetResourceIdentitySchemas": schemas.get_resource_identity_schemas,
        "ValidateProviderConfig": checks.provider,
        "ValidateResourceConfig": checks.resource,
        "ValidateDataResourceConfig": checks.data_source,
        "ValidateEphemeralResourceConfig": checks.ephemeral,
        "ValidateListResourceConfig": checks.list_resource,
        "UpgradeResourceState": reads.upgrade_state,
        "UpgradeResourceIdentity": reads.upgrade_identity,
        "MoveResourceState": reads.move,
        "CallFunction": FunctionCalls(run).call,
        "StopProvider": LifecycleCalls(run).stop,
    }


def _pooled_calls(run: Run, leftovers: Leftovers) -> dict[str, Callable[[Message], Message]]:
    reads, ephemerals = ReadCalls(run), EphemeralCalls(run, leftovers)
    return {
        "ConfigureProvider": LifecycleCalls(run).configure,
        "ReadResource": reads.read,
        "ReadDataSource": reads.read_data_source,
        "ImportResourceState": reads.import_resource,
        "ApplyResourceChange": ChangeCalls(run).apply,
        "OpenEphemeralResource": ephemerals.open,
        "RenewEphemeralResource": ephemerals.renew,
        "CloseEphemeralResource": ephemerals.close,
    }


def _where_to_plan(run: Run) -> str:
    """Plans are pure computation unless a resource says otherwise; one that does moves all to the workers."""
    return POOLED if any(resource.plans_with_io for resource in run.resources.values()) else INLINE


def _path(name: str) -> bytes:
    return (PROVIDER + name).encode()


def _unary(name: str, call: Callable[[Message], Message]) -> Callable[[bytes], bytes]:
    request_message, response_message = name + ".Request", name + ".Response"

    def answer(message: bytes) -> bytes:
        try:
            return protobuf.encode(response_message, call(protobuf.decode(request_message, message)))
        except Exception as failure:  # noqa: BLE001 -- Terraform shows diagnostics; a gRPC error looks like a crash
            return protobuf.encode(response_message, _failed(name, diagnose(name, failure)))

    return answer


def _failed(name: str, diagnostic: Diagnostic) -> Message:
    """Put a failure where the response of this method has room for it."""
    if name == "CallFunction":
        return {"error": {"text": diagnostic.detail or diagnostic.summary}}
    if name == "StopProvider":
        return {"Error": diagnostic.summary}
    return {"diagnostics": [diagnostic_message(diagnostic)]}


def _streaming(name: str, call: Callable[[Message], Iterator[Message]]) -> Callable[[bytes], Iterator[bytes]]:
    def answers(message: bytes) -> Iterator[bytes]:
        for event in call(protobuf.decode(name + ".Request", message)):
            yield protobuf.encode(name + ".Event", event)

    return answers

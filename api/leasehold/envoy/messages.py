"""The messages of `envoy.service.auth.v3`, as far as they are read and written here, by their published field numbers.

What is not described is skipped when read, as protocol buffers have it. Descriptors are made in a pool of their own:
whoever loads Envoy's full set beside us is not disturbed.
"""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

SERVICE = "envoy.service.auth.v3.Authorization"
_PACKAGE = "leasehold.envoy"  # names do not travel: only numbers and types do
_TEXT, _BYTES, _MESSAGE, _INT32, _INT64, _ENUM_AS_INT = 9, 12, 11, 5, 3, 5
_Field = tuple[str, int, int, str]
_MESSAGES: dict[str, tuple[_Field, ...]] = {
    "CheckRequest": (("attributes", 1, _MESSAGE, "AttributeContext"),),
    "AttributeContext": (
        ("source", 1, _MESSAGE, "Peer"),
        ("request", 4, _MESSAGE, "Request"),
        ("context_extensions", 10, _MESSAGE, "*Pair"),
    ),
    "Peer": (("address", 1, _MESSAGE, "Address"),),
    "Address": (("socket_address", 1, _MESSAGE, "SocketAddress"),),
    "SocketAddress": (("address", 2, _TEXT, ""),),
    "Request": (("http", 2, _MESSAGE, "HttpRequest"),),
    "HttpRequest": (
        ("id", 1, _TEXT, ""),
        ("method", 2, _TEXT, ""),
        ("headers", 3, _MESSAGE, "*Pair"),
        ("path", 4, _TEXT, ""),
        ("host", 5, _TEXT, ""),
        ("size", 9, _INT64, ""),
        ("body", 11, _TEXT, ""),
        ("raw_body", 12, _BYTES, ""),
        ("header_map", 13, _MESSAGE, "HeaderMap"),
    ),
    "HeaderMap": (("headers", 1, _MESSAGE, "*HeaderValue"),),
    "HeaderValue": (("key", 1, _TEXT, ""), ("value", 2, _TEXT, ""), ("raw_value", 3, _BYTES, "")),
    "Pair": (("key", 1, _TEXT, ""), ("value", 2, _TEXT, "")),
    "CheckResponse": (
        ("status", 1, _MESSAGE, "Status"),
        ("denied_response", 2, _MESSAGE, "DeniedHttpResponse"),
        ("ok_response", 3, _MESSAGE, "OkHttpResponse"),
    ),
    "Status": (("code", 1, _INT32, ""), ("message", 2, _TEXT, "")),
    "DeniedHttpResponse": (
        ("status", 1, _MESSAGE, "HttpStatus"),
        ("headers", 2, _MESSAGE, "*HeaderValueOption"),
        ("body", 3, _TEXT, ""),
    ),
    "HttpStatus": (("code", 1, _ENUM_AS_INT, ""),),
    "OkHttpResponse": (("headers", 2, _MESSAGE, "*HeaderValueOption"),),
    "HeaderValueOption": (("header", 1, _MESSAGE, "HeaderValue"), ("append_action", 3, _ENUM_AS_INT, "")),
}
OVERWRITE = 2  # HeaderValueOption.HeaderAppendAction.OVERWRITE_IF_EXISTS_OR_ADD


def _described() -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(name="leasehold/envoy.proto", package=_PACKAGE, syntax="proto3")
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, number, type_, of in fields:
            described = message.field.add(name=field, number=number, type=type_)
            # A map is, on the wire, repeated pairs of a key and a value.
            described.label = 3 if of.startswith("*") else 1
            if of:
                described.type_name = f".{_PACKAGE}.{of.removeprefix('*')}"
    return file


def _classes() -> dict[str, Any]:  # Any: classes made at run time
    pool = descriptor_pool.DescriptorPool()
    pool.Add(_described())
    found = pool.FindFileByName("leasehold/envoy.proto").message_types_by_name
    return {name: message_factory.GetMessageClass(descriptor) for name, descriptor in found.items()}


_CLASSES = _classes()
CheckRequest: Any = _CLASSES["CheckRequest"]
CheckResponse: Any = _CLASSES["CheckResponse"]

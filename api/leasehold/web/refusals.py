"""What a door refuses by itself, before any use case: requests that are not well formed."""

from __future__ import annotations

from leasehold.model.errors import LeaseholdError


class MalformedJson(LeaseholdError):
    """The body is not one JSON object in UTF-8 with every key once."""

    code = "malformed_json"


class TooLarge(LeaseholdError):
    """The body is larger than this door takes."""

    code = "too_large"


class UnsupportedMediaType(LeaseholdError):
    """The body is not `application/json`, or is compressed."""

    code = "unsupported_media_type"


class InvalidHeader(LeaseholdError):
    """A header cannot be understood."""

    code = "invalid_header"


class InvalidQuery(LeaseholdError):
    """A query parameter is unknown, given twice or of the wrong form."""

    code = "invalid_query"


class RouteNotFound(LeaseholdError):
    """Nothing lives at this path."""

    code = "not_found"


class MethodNotAllowed(LeaseholdError):
    """The path knows no such method."""

    code = "method_not_allowed"
